// What the pages share: status lines, lists of facts, downloads.

export const byId = (id) => document.getElementById(id);

export function node(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value; else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

export function say(line, text, isError = false) {
  line.textContent = text;
  line.classList.toggle("error", isError);
}

/** Entries [term, text, mark]: `mark` is the class of the dot on the plane that the term stands for. */
export function facts(list, entries) {
  list.replaceChildren(...entries.flatMap(([term, text, mark]) => [node("dt", { className: mark ?? "" }, term), node("dd", {}, text)]));
}

export const NO_REGRESSOR = "nothing predicts here: the page was started with --regressor none.";

export function downloads(container, links) {
  for (const { href } of container.querySelectorAll("[href^='blob:']")) URL.revokeObjectURL(href);
  container.replaceChildren(...links.map(([text, href, name]) => node("a", { href, download: name, className: "button" }, text)));
}

/** A file made in the page, as a link to download. */
export const blobUrl = (text, type) => URL.createObjectURL(new Blob([text], { type }));

/** Call `step` on every frame while the page is shown; twice a second where less motion is wanted. */
export function everyFrame(step) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let last = -Infinity;
  const frame = (now) => {
    if (!calm.matches || now - last >= 500) { last = now; step(); }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}
