// The page Listen: a real clip beside what each generator makes of the same request.

import { follow, post } from "./api.js";
import { Pad, signed } from "./pad.js";
import { byId, node, say } from "./page.js";
import { Player } from "./player.js";

export function start(catalogue) {
  const status = byId("listen-status"), player = new Player();
  const buttons = new Map();
  let round = null, order = [], named = false, playing = null;
  const pad = new Pad(byId("listen-plane"), { words: catalogue.words, label: "The emotion requested, on the plane" });
  pad.svg.setAttribute("role", "img");
  pad.svg.removeAttribute("tabindex");

  async function next() {
    player.wake();
    player.stop();
    playing = null;
    const button = byId("listen-next");
    button.disabled = true;
    say(status, "Drawing a clip, and sampling each generator\u2026");
    try {
      const seed = Number(byId("listen-seed").value);
      round = await follow(await post("/api/v1/rounds", { corpus: byId("listen-corpus").value, seed }));
      byId("listen-seed").value = seed + 1;
      byId("listen-view").hidden = false;
      order = shuffled(round.clips);
      named = !byId("listen-blind").checked;
      pad.draw({ request: [round.valence, round.arousal] });
      const training = round.held_out ? "" : " The real clip is of a training song: none else is left.";
      say(status, `Requested: valence ${signed(round.valence)}, arousal ${signed(round.arousal)}.${training}`);
      draw();
    } catch (error) { say(status, error.message, true); }
    button.disabled = false;
  }

  /** The level that makes all clips of the round as loud as the quietest. */
  function level(clip) {
    const known = [...round.clips, ...round.neighbours].map(({ loudness }) => loudness).filter((value) => value !== null);
    return byId("listen-match").checked && clip.loudness !== null ? 10 ** ((Math.min(...known) - clip.loudness) / 20) : 1;
  }

  function draw() {
    buttons.clear();
    const entry = (clip, label) => {
      const button = node("button", { type: "button", onclick: () => play(clip) }, label);
      buttons.set(clip, button);
      return node("li", {}, button);
    };
    const name = (clip) => (clip.song !== null ? `real (${clip.song})` : clip.name);
    byId("listen-clips").replaceChildren(...order.map((clip, i) => entry(clip, named ? name(clip) : `Clip ${i + 1}`)));
    byId("listen-near").hidden = !named || round.neighbours.length === 0;
    byId("listen-near").querySelector("ul").replaceChildren(...round.neighbours.map((clip) => entry(clip, `of ${clip.of}: ${clip.song}, distance ${clip.distance.toFixed(1)}`)));
    byId("listen-reveal").disabled = named;
    mark();
  }

  /** Show which clip plays; the buttons stay, and with them the focus. */
  function mark() {
    for (const [clip, button] of buttons) button.setAttribute("aria-pressed", String(clip === playing));
    byId("listen-stop").disabled = playing === null;
  }

  async function play(clip) {
    player.wake();
    playing = clip;
    mark();
    try { await player.play(clip.sound.url, level(clip)); } catch (error) { say(status, error.message, true); }
  }

  function stop() { player.stop(); playing = null; mark(); }

  byId("listen-corpus").append(...catalogue.corpora.map(({ id, name }) => node("option", { value: id }, name)));
  byId("listen-next").onclick = next;
  byId("listen-stop").onclick = stop;
  byId("listen-reveal").onclick = () => { named = true; draw(); };
  byId("listen-match").onchange = () => { if (playing) play(playing); };
  const missing = [];
  if (!catalogue.corpora.length) missing.push("--corpus CORPUS");
  if (!catalogue.models.length) missing.push("--model RUN");
  if (missing.length) say(status, `Start affetti serve with ${missing.join(" and ")} to compare clips (affetti demo makes both: affetti-demo/corpus and affetti-demo/runs/flow).`);
  byId("listen-next").disabled = catalogue.corpora.length === 0;
  return { leave: stop };
}

function shuffled(clips) {
  const order = [...clips];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
