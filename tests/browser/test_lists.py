"""Lists on wide pages and on phones: what is sorted stays so while somebody searches."""

from playwright.sync_api import Browser, expect

from tests.browser.pages import Visitor


def test_a_search_keeps_the_order_and_the_filters_keep_the_search(
    owner: Visitor, browser: Browser
) -> None:
    context = owner.context(browser)
    page = owner.open(context, "api-keys?state=active")
    page.get_by_role("link", name="Spent, month").click()
    page.get_by_label("Search keys").fill("order")
    expect(page.get_by_role("row", name="Invoices")).to_have_count(0)
    expect(page.get_by_role("columnheader", name="Spent, month")).to_have_attribute(
        "aria-sort", "descending"
    )
    page.get_by_role("link", name="All", exact=True).click()
    page.wait_for_url("**/api-keys?*")
    expect(page.get_by_label("Search keys")).to_have_value("order")
    expect(page.get_by_role("row", name="Order service, staging")).to_have_count(1)
    assert "sort=-spent" in page.url
    assert "state" not in page.url
    context.close()


def test_a_phone_sorts_without_columns_and_without_scripts(
    owner: Visitor, browser: Browser
) -> None:
    phone = browser.new_context(
        storage_state=owner.state, viewport={"width": 375, "height": 760}, java_script_enabled=False
    )
    page = owner.open(phone, "api-keys")
    expect(page.get_by_text("Scopes", exact=True).first).to_be_hidden()
    page.get_by_role("link", name="Name").click()
    page.wait_for_url("**/api-keys?sort=name")
    names = page.locator("tbody th a").all_inner_texts()
    assert len(names) > 3
    assert names == sorted(names, key=str.lower)
    phone.close()


def test_on_a_phone_every_line_of_a_slip_is_filled(owner: Visitor, browser: Browser) -> None:
    phone = owner.context(browser, is_phone=True)
    page = owner.open(phone, "api-keys")
    short = page.locator("tbody tr").evaluate_all(
        """rows => rows.flatMap(row => {
             const ends = new Map();
             for (const cell of row.querySelectorAll("td[data-name]")) {
               const box = cell.getBoundingClientRect();
               const line = Math.round(box.top);
               ends.set(line, Math.max(ends.get(line) ?? 0, box.right));
             }
             const edge = row.getBoundingClientRect().right;
             return [...ends.values()].filter(end => Math.abs(end - edge) > 1);
           })"""
    )
    assert short == []
    phone.close()
