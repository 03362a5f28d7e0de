// A listener's way through a study: consent, volume, headphones, practice, trials, the end. The server knows where each
// listener is; the address of the page holds the listener's key after the #, which browsers do not send.

import { byId, node } from "../page.js";
import { Server } from "./server.js";
import { Sounds } from "./sounds.js";
import { consent } from "./consent.js";
import { done, gone } from "./done.js";
import { headphones } from "./headphones.js";
import { trial } from "./trial.js";
import { volume } from "./volume.js";
import { setWording, t } from "./wording.js";

const API = "api/v1", KEY = /^[\w-]{22,64}$/, RIGHT_TO_LEFT = /^(ar|fa|he|ur)\b/;
const sounds = new Sounds();
let study = null, server = new Server(), key = null, state = null, loud = false;

const store = {
  read(name) { try { return localStorage.getItem(`affetti-${study.id}-${name}`); } catch { return null; } },
  write(name, value) { try { localStorage.setItem(`affetti-${study.id}-${name}`, value); } catch { /* private windows */ } },
  remove(name) { try { localStorage.removeItem(`affetti-${study.id}-${name}`); } catch { /* as above */ } },
};

/** A key that nobody can guess: who has it is this listener. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}

function adopt(given) {
  if (store.read("listener") !== given) forget();
  key = given;
  server = new Server({ "x-listener": key });
  store.write("listener", key);
}

/** Show a page: its title is read out, and the keyboard goes on from there. */
function show({ title, content }) {
  sounds.stop();
  const heading = node("h2", { tabIndex: -1, id: "title" }, title);
  byId("content").replaceChildren(heading, ...content);
  document.title = `${title} \u2013 ${study.title}`;
  byId("withdrawing").hidden = state === null;
  heading.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function progress(shown) {
  byId("progress").hidden = !shown;
  if (!shown) return;
  byId("progress-text").textContent = t("progress", { number: state.done + 1, total: state.total });
  Object.assign(document.querySelector("#progress progress"), { max: state.total, value: state.done });
}

/** What the steps of a study need of this page. */
const steps = {
  get study() { return study; },
  get server() { return server; },
  sounds,
  store,
  path: (name) => `${API}/${name}`,
  /** Under what name the browser keeps an answer that is not stored yet: it is this listener's. */
  get kept() { return `answer-${key}`; },
  async join() {
    adopt(key ?? newKey());
    const joined = await server.post(`${API}/listener`, { consent: true });
    history.replaceState(null, "", `#${key}`);
    go(joined);
  },
  /** The volume is set once in each tab: headphones may have been changed since. */
  volumeSet(position) { store.write("volume", position); loud = true; go(state); },
  practised() { store.write("practised", Number(store.read("practised") ?? 0) + 1); go(state); },
  go,
};

/** Go on to where the listener is. */
function go(next) {
  state = next;
  const practised = Number(store.read("practised") ?? 0), preparing = !loud || state.headphones || practised < state.practice.length;
  progress(state.trial !== null && !preparing);
  if (state.trial === null) { forget(); show(done(state)); }
  else if (!loud) show(volume(steps, state));
  else if (state.headphones) show(headphones(steps));
  else show(trial(steps, state, preparing ? state.practice[practised] : state.trial));
}

/** Whoever begins in this browser next is somebody else. */
function forget() { for (const name of ["listener", "practised", "volume"]) store.remove(name); }

async function withdraw() {
  const dialog = byId("withdrawal");
  dialog.close();
  try {
    await server.remove(`${API}/listener`);
  } catch (error) {
    if (error.status !== 404) { byId("withdrawal-status").textContent = error.temporary ? t("no_answer") : error.message; dialog.showModal(); return; }
  }
  forget();
  store.remove(steps.kept);
  history.replaceState(null, "", location.pathname);
  key = null;
  state = null;
  progress(false);
  show(gone());
}

function texts() {
  Object.assign(document.documentElement, { lang: study.language, dir: RIGHT_TO_LEFT.test(study.language) ? "rtl" : "ltr" });
  for (const part of document.querySelectorAll("[data-text]")) part.textContent = t(part.dataset.text);
  byId("study").textContent = study.title;
  byId("withdraw").onclick = () => { sounds.stop(); byId("withdrawal-status").textContent = ""; byId("withdrawal").showModal(); };
  byId("withdraw-no").onclick = () => byId("withdrawal").close();
  byId("withdraw-yes").onclick = withdraw;
}

async function start() {
  study = await server.get(`${API}/study`);
  setWording(study.wording);
  texts();
  const given = location.hash.slice(1), kept = given === "new" ? null : KEY.test(given) ? given : store.read("listener");
  if (given === "new") { forget(); history.replaceState(null, "", location.pathname); }
  if (kept === null) { show(consent(steps)); return; }
  adopt(kept);
  try {
    const here = await server.get(`${API}/listener`);
    history.replaceState(null, "", `#${key}`);
    go(here);
  } catch (error) {
    if (error.status !== 404) throw error;
    if (given !== "") { forget(); key = null; }  // withdrawn, or a link that was copied in part
    history.replaceState(null, "", location.pathname);
    show(consent(steps, given !== ""));
  }
}

addEventListener("hashchange", () => location.reload());
start().catch((error) => {
  const line = node("p", { className: "status error", role: "alert" }, error.message || "The study cannot be reached. Load this page again in a moment.");
  byId("content").replaceChildren(line);
});
