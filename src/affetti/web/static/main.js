// The pages, each loaded when it is first opened.

import { get } from "./api.js";
import { byId } from "./page.js";

const NAMES = ["plane", "path", "song", "listen", "reports"], pages = new Map();
const catalogue = get("/api/v1/plane");
let shown = null;

/** A promise of the page, which is started once. */
function start(name) {
  if (!pages.has(name)) pages.set(name, import(`./${name}.js`).then(async (module) => module.start(await catalogue)));
  return pages.get(name);
}

async function open() {
  const name = NAMES.includes(location.hash.slice(1)) ? location.hash.slice(1) : NAMES[0];
  if (name === shown) return;
  pages.get(shown)?.then((page) => page.leave(), () => {});
  shown = name;
  for (const other of NAMES) {
    const link = document.querySelector(`[data-page=${other}]`);
    if (other === name) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  document.title = `${name[0].toUpperCase()}${name.slice(1)} \u2013 affetti`;
  try {
    await start(name);
  } catch (error) {
    const line = byId(`${name}-status`);
    line.textContent = error.message;
    line.classList.add("error");
  }
  // Shown once it works: a click before that would be lost.
  if (shown === name) for (const other of NAMES) byId(`page-${other}`).hidden = other !== name;
}

addEventListener("hashchange", open);
open();
