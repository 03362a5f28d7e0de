// What the pages say: texts of the study, in any language, by key. `{name}` in a text is replaced by a value.

let texts = {};

export function setWording(given) { texts = given; }

export function t(key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** The paragraphs of a text, which blank lines divide. */
export const paragraphs = (text) => text.split(/\n\s*\n/).map((part) => part.trim()).filter(Boolean);
