"""Lanes of a connection: in order within one, side by side among several, all of it bounded."""

from tests.inference.asgi import Tenant
from tests.responses.sockets import LAST, Frame, Socket, connected
from tests.responses.wire import said


async def ends(socket: Socket, number: int) -> list[Frame]:
    """The last frames of so many responses, in the order in which they ended."""
    found: list[Frame] = []
    while len(found) < number:
        frame = await socket.hear()
        if frame["type"] in LAST:
            found.append(frame)
    return found


async def test_responses_of_one_lane_come_one_after_another(bakery: Tenant) -> None:
    async with connected(bakery) as socket:
        for words in ("one #words=20 #pace=5", "two", "three"):
            socket.create(words)
        frames = [await socket.hear()]
        while sum(frame["type"] in LAST for frame in frames) < 3:
            frames.append(await socket.hear())
    ids = [frame["response"]["id"] for frame in frames if frame["type"] == "response.created"]
    numbers = [frame["sequence_number"] for frame in frames]
    starts = [place for place, number in enumerate(numbers) if number == 0]
    assert len(ids) == len(set(ids)) == 3
    assert starts[0] == 0
    for start, end in zip(starts, [*starts[1:], len(numbers)], strict=True):
        assert numbers[start:end] == list(range(end - start))


async def test_lanes_run_side_by_side_and_events_tell_theirs(bakery: Tenant) -> None:
    async with connected(bakery) as socket:
        socket.create("#words=40 #pace=20", stream_id="slow")
        socket.create("quick", stream_id="quick")
        socket.create("plain")
        found = await ends(socket, 3)
    assert [frame.get("stream_id") for frame in found][-1] == "slow"
    by_lane = {frame.get("stream_id"): said(frame["response"]) for frame in found}
    assert by_lane.keys() == {"slow", "quick", None}
    assert by_lane["quick"] == "quick"
    assert by_lane[None] == "plain"


async def test_a_lane_goes_on_from_another_ones_response(bakery: Tenant) -> None:
    async with connected(bakery) as socket:
        first = await socket.turn("a b c", store=False, stream_id="main")
        fork = await socket.turn(
            "d", store=False, stream_id="fork", previous_response_id=first["response"]["id"]
        )
        main = await socket.turn(
            "e f", store=False, stream_id="main", previous_response_id=first["response"]["id"]
        )
    assert fork["response"]["usage"]["input_tokens"] == 7
    assert main["response"]["usage"]["input_tokens"] == 8


async def test_an_error_tells_its_lane(bakery: Tenant) -> None:
    async with connected(bakery) as socket:
        for fields in ({"temperature": 9}, {"model": "nobody"}):
            assert (await socket.turn(stream_id="a.b-c_1", **fields))["stream_id"] == "a.b-c_1"
        socket.send({"type": "response.cancel", "response_id": "x", "stream_id": "a.b-c_1"})
        assert (await socket.hear())["stream_id"] == "a.b-c_1"


async def test_a_connection_has_so_many_lanes(bakery: Tenant) -> None:
    async with connected(bakery) as socket:
        for number in range(32):
            assert (await socket.turn(stream_id=f"lane-{number}"))["type"] == "response.completed"
        refused = await socket.turn(stream_id="lane-32")
        assert refused["error"]["code"] == "websocket_stream_limit_reached"
        assert (await socket.turn(stream_id="lane-0"))["type"] == "response.completed"
        assert (await socket.turn())["type"] == "response.completed"


async def test_frames_that_wait_are_bounded(bakery: Tenant) -> None:
    async with connected(bakery) as socket:
        socket.create("#words=50 #pace=20")
        while (await socket.hear())["type"] != "response.output_text.delta":
            pass
        for _ in range(17):
            socket.create("short")
        found = await ends(socket, 18)
    refused = [frame for frame in found if frame["type"] == "error"]
    assert [frame["status"] for frame in refused] == [429]
    assert refused[0]["error"]["headers"]["retry-after"] == "1"
    assert len(found) - len(refused) == 17


async def test_bytes_that_wait_are_bounded_too(bakery: Tenant) -> None:
    large = "word " * 30_000  # 150 KB
    async with connected(bakery) as socket:
        socket.create("#words=50 #pace=20")
        while (await socket.hear())["type"] != "response.output_text.delta":
            pass
        socket.create(large)
        socket.create(large, stream_id="other")  # runs beside the first
        socket.create(large)
        socket.create("short")
        found = await ends(socket, 5)
    refused = [frame["error"]["code"] for frame in found if frame.get("status") == 429]
    assert refused == ["rate_limit_exceeded"]
    assert said(found[-1]["response"]) == "short"


async def test_so_many_responses_run_at_once(bakery: Tenant) -> None:
    async with connected(bakery) as socket:
        for number in range(17):
            socket.create("#words=30 #pace=20", stream_id=f"lane-{number}")
        created = 0
        while (frame := await socket.hear())["type"] not in LAST:
            created += frame["type"] == "response.created"
        assert created == 16
        await ends(socket, 16)


async def test_a_response_can_be_cancelled(bakery: Tenant) -> None:
    async with connected(bakery) as socket:
        socket.create("#words=1000 #pace=20", store=False)
        response_id = (await socket.hear())["response"]["id"]
        socket.send({"type": "response.cancel", "response_id": response_id})
        last = (await socket.answer())[-1]
        assert last["type"] == "response.incomplete"
        assert last["response"]["status"] == "cancelled"
        assert last["response"]["usage"]["output_tokens"] < 1000
        assert (await socket.turn())["type"] == "response.completed"
