// One trial: its sounds, its question, and an answer that is stored before the next one comes.

import { node, say } from "../page.js";
import { pair, spot } from "./choose.js";
import { loadAhead, load, soundsOf } from "./loading.js";
import { mushra } from "./mushra.js";
import { PlayButtons } from "./player.js";
import { rate } from "./rate.js";
import { prose, statusLine } from "./steps.js";
import { START, factor } from "./volume.js";
import { t } from "./wording.js";

const TASKS = { rate, pair, mushra, spot }, FIRST_WAIT = 1000, LONGEST_WAIT = 15_000;

export function trial(steps, state, given) {
  const { sounds, store } = steps, line = statusLine(), area = node("div", { className: "trial" });
  const heard = node("p", { className: "unseen", role: "status" });
  const next = node("button", { type: "button", className: "main" }, t("next"));
  const started = performance.now();
  let task = null, buttons = null, busy = false, pending = null, timer = 0, wait = FIRST_WAIT;

  sounds.clear();
  sounds.setLevel(factor(store.read("volume") ?? START));
  sounds.loop = given.task === "mushra";

  async function prepare() {
    say(line, t("loading"));
    try {
      for (const { id } of soundsOf(given)) sounds.add(id, await load(steps, given.id, id));
    } catch (error) {
      if (!area.isConnected) return;
      say(line, error.temporary === false ? error.message : t("sounds_missing"), true);
      area.replaceChildren(node("p", { className: "controls" }, node("button", { type: "button", onclick: prepare }, t("again"))));
      return;
    }
    if (!area.isConnected) return;
    buttons = new PlayButtons(sounds, { together: given.task === "mushra", onWhole: (name) => { heard.textContent = `${name}: ${t("heard")}`; say(line, ""); } });
    task = TASKS[given.task](given, buttons, steps.study);
    area.replaceChildren(...task.content);
    say(line, "");
    loadAhead(steps, given, following());
  }

  /** The trial that comes after this one. */
  function following() {
    if (!given.practice) return state.next;
    const place = state.practice.findIndex(({ id }) => id === given.id);
    return state.practice[place + 1] ?? state.trial;
  }

  /** What is missing before the answer counts, if anything; the keyboard goes there. */
  function missing() {
    if (task === null) return t("loading");
    const unheard = steps.study.whole ? buttons.missing : [];
    if (unheard.length) { buttons.focus(unheard[0]); return t("listen_first", { name: unheard[0] }); }
    const unanswered = task.missing();
    if (unanswered) { unanswered.focus(); return unanswered.message ?? t("answer_first"); }
    return null;
  }

  async function submit() {
    const lack = missing();
    if (lack !== null) { say(line, lack, true); return; }
    sounds.stop();
    if (given.practice) { steps.practised(); return; }
    const seconds = Number(((performance.now() - started) / 1000).toFixed(2));
    const body = { trial: given.id, answer: task.answer(), heard: buttons.shares, seconds };
    store.write(steps.kept, JSON.stringify(body));
    await send(body);
  }

  function enable(enabled) {
    for (const control of area.querySelectorAll("input, button")) control.disabled = !enabled;
    next.textContent = t(enabled ? "next" : "again");
  }

  /** Send the answer until it is stored: it is kept here, and in the browser, meanwhile. */
  async function send(body) {
    if (busy) return;
    [busy, pending] = [true, body];
    clearTimeout(timer);
    enable(false);
    next.setAttribute("aria-busy", "true");
    try {
      const answered = await steps.server.post(steps.path("listener/answers"), body);
      store.remove(steps.kept);
      steps.go(answered);
      return;
    } catch (error) {
      if (!area.isConnected) return;
      if (error.temporary) {
        say(line, t(error.status === 507 ? "not_stored" : "no_answer_kept"), true);
        timer = setTimeout(() => { if (area.isConnected) send(body); }, wait);
        wait = Math.min(2 * wait, LONGEST_WAIT);
      } else {
        store.remove(steps.kept);
        pending = null;
        enable(true);
        if (task === null) prepare();
        say(line, error.message, true);
      }
    }
    busy = false;
    next.removeAttribute("aria-busy");
  }

  next.onclick = () => (pending ? send(pending) : submit());
  const kept = JSON.parse(store.read(steps.kept) ?? "null");
  if (kept?.trial === given.id) { say(line, t("sending_kept")); queueMicrotask(() => send(kept)); } else prepare();

  const instruction = given.instruction ? [node("p", { className: "note" }, given.instruction)] : [];
  return {
    title: given.practice ? t("practice_title") : t("trial_title", { number: state.done + 1, total: state.total }),
    content: [...(given.practice ? prose(t("practice")) : []), ...instruction, area, heard, line, node("p", { className: "controls" }, next)],
  };
}
