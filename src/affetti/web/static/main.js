// The pages, each loaded when it is first opened.

import { get } from "./api.js";
import { byId } from "./page.js";

const NAMES = ["plane", "path", "song", "listen", "reports"], started = new Map();
const catalogue = get("/api/v1/plane");
let shown = null;

async function open() {
  const name = NAMES.includes(location.hash.slice(1)) ? location.hash.slice(1) : NAMES[0];
  if (name === shown) return;
  started.get(shown)?.leave();
  shown = name;
  for (const other of NAMES) {
    byId(`page-${other}`).hidden = other !== name;
    const link = document.querySelector(`[data-page=${other}]`);
    if (other === name) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  document.title = `${name[0].toUpperCase()}${name.slice(1)} \u2013 affetti`;
  try {
    const { start } = await import(`./${name}.js`);
    if (!started.has(name)) started.set(name, start(await catalogue));
  } catch (error) {
    const line = byId(`${name}-status`);
    line.textContent = error.message;
    line.classList.add("error");
  }
}

addEventListener("hashchange", open);
open();
