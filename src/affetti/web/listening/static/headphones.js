// Headphone check of Woods, Siegel, Traer & McDermott (2017): which of three 200 Hz tones is quietest? One is 6 dB
// quieter; another has its channels in opposite phase, so that over loudspeakers it is quietest of all.

import { node, say } from "../page.js";
import { PlayButtons } from "./player.js";
import { action, prose, radios, statusLine } from "./steps.js";
import { t } from "./wording.js";

const TRIALS = 6, RATE = 44_100, TONE = 1, PAUSE = 0.5, RAMP = 0.1, HZ = 200, AMPLITUDE = 0.35, QUIETER = 10 ** (-6 / 20);
const KINDS = ["quiet", "opposite", "plain"];

function shuffled(items) {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** Three tones of these kinds, one after the other. */
export function tones(kinds) {
  const length = Math.round(RATE * (kinds.length * (TONE + PAUSE) - PAUSE));
  const buffer = new AudioBuffer({ numberOfChannels: 2, length, sampleRate: RATE });
  const left = buffer.getChannelData(0), right = buffer.getChannelData(1);
  kinds.forEach((kind, number) => {
    const begin = Math.round(RATE * number * (TONE + PAUSE)), level = AMPLITUDE * (kind === "quiet" ? QUIETER : 1);
    for (let i = 0; i < RATE * TONE; i++) {
      const time = i / RATE, ramp = Math.sin((Math.PI / 2) * Math.min(1, time / RAMP, (TONE - time) / RAMP)) ** 2;
      const value = level * ramp * Math.sin(2 * Math.PI * HZ * time);
      left[begin + i] = value;
      right[begin + i] = kind === "opposite" ? -value : value;
    }
  });
  return buffer;
}

export function headphones(steps) {
  const { sounds, server } = steps, line = statusLine(), area = node("div", { className: "trial" });
  // Each kind is at each of the three places twice.
  const orders = shuffled([...Array(TRIALS).keys()].map((i) => [0, 1, 2].map((j) => KINDS[(j + i) % KINDS.length])));
  let number = 0, correct = 0, choice = null, buttons = null;

  function ask() {
    sounds.clear();
    sounds.add("tones", tones(orders[number]));
    buttons = new PlayButtons(sounds, { onWhole: () => say(line, "") });
    choice = radios({ name: "quietest", legend: t("headphones_question"), choices: [0, 1, 2].map((i) => [String(i), node("span", {}, t("headphones_tone", { number: i + 1 }))]) });
    area.replaceChildren(
      node("p", { className: "count" }, t("headphones_count", { number: number + 1, total: TRIALS })),
      node("div", { className: "plays" }, buttons.make("tones", t("headphones_sound"))), choice.group,
    );
  }

  const next = action(t("next"), line, async () => {
    say(line, "");
    if (buttons.missing.length) { say(line, t("listen_first", { name: buttons.missing[0] }), true); buttons.focus(buttons.missing[0]); return; }
    if (choice.value === null) { say(line, t("answer_first"), true); choice.focus(); return; }
    if (number < TRIALS) {  // not again, where the last request is sent again
      correct += orders[number][Number(choice.value)] === "quiet" ? 1 : 0;
      number++;
    }
    if (number < TRIALS) { ask(); area.querySelector(".play").focus(); return; }
    sounds.stop();
    steps.go(await server.post(steps.path("listener/headphones"), { correct }));
  });
  ask();
  return { title: t("headphones_title"), content: [...prose(t("headphones")), area, line, node("p", { className: "controls" }, next)] };
}
