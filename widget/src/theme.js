// Colours and measures: the page's own variables first, then setTheme(), then the chatbot's theme.
export const VARIABLES = [
  "accent", "on-accent", "bg", "fg", "muted", "border", "said", "radius", "font", "shadow", "z",
  "width", "height", "offset",
]; // prettier-ignore

const COLOUR = /^#([0-9a-f]{6}|[0-9a-f]{3})$/i;

/** The text of a style sheet; a constructed sheet needs no permission of the page's policy. */
export function sheetOf(theme = {}, chosen = {}) {
  const lines = [...Object.entries(served(theme)), ...Object.entries(set(chosen))]
    .filter(([, value]) => value)
    .map(([name, value]) => `--${name}: ${value};`);
  const scheme = { light: "light", dark: "dark" }[chosen.scheme ?? theme.scheme];
  const colours = scheme ? `:host(:not([theme])), :host([theme="auto"]) { color-scheme: ${scheme}; }` : "";
  return `:host { ${lines.join(" ")} } ${colours}`;
}

/** What the chatbot's owner chose, under the page's `--chat-…`. */
function served({ accent, radius, font }) {
  return {
    "theme-accent": COLOUR.test(accent) && accent,
    "theme-on-accent": COLOUR.test(accent) && on(accent),
    "theme-radius": Number.isFinite(radius) && `${radius}px`,
    "theme-font": font === "inherit" && "inherit",
  };
}

/** What the page's script chose: names of VARIABLES, with values that stay inside their rule. */
function set(chosen) {
  const known = Object.entries(chosen).filter(([name]) => VARIABLES.includes(name));
  const plain = known.filter(([, value]) => /^[^{};]{1,200}$/.test(value) && !/url\(/i.test(value));
  const made = Object.fromEntries(plain.map(([name, value]) => [`set-${name}`, value]));
  if (chosen.accent && !chosen["on-accent"] && COLOUR.test(chosen.accent)) {
    made["set-on-accent"] = on(chosen.accent);
  }
  return made;
}

/** Ink or paper, whichever is easier to read on a colour (WCAG 2 relative luminance). */
export function on(colour) {
  const digits = colour.slice(1);
  const pairs = digits.length === 3 ? [...digits].map((d) => d + d) : digits.match(/../g);
  const [r, g, b] = pairs.map((pair) => {
    const part = parseInt(pair, 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return (light + 0.05) ** 2 > 0.05 * 1.05 ? "#161513" : "#fffefc";
}
