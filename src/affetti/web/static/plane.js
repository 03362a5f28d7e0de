// The page Plane: click, and music of that emotion plays.

import { follow, post } from "./api.js";
import { MelView } from "./mel.js";
import { modelForm } from "./model_form.js";
import { Pad, signed } from "./pad.js";
import { NO_REGRESSOR, byId, downloads, everyFrame, facts, node, say } from "./page.js";
import { Player } from "./player.js";

const SECONDS = 14, NEAR = 0.4, GRID = [-0.5, 0, 0.5], WHILE_DRAGGING = 250;
const LABELS = { register: "Register", tempo: "Tempo", level: "Level", articulation: "Articulation", mode: "Mode", timbre: "Timbre", melody: "Melody" };
const UNITS = { register: "(MIDI note)", tempo: "notes/s", level: "dB", articulation: "of the beat" };

export function start(catalogue) {
  const status = byId("plane-status"), player = new Player(), mel = new MelView(byId("plane-mel"));
  const held = {};
  let settingsOf = () => ({}), source = "composer", state = {}, latest = 0, last = 0, asked = "", ahead = 0, waiting = false, busy = false;
  const clips = new Map(catalogue.models.map((model) => [model.id, []]));

  const pad = new Pad(byId("plane"), {
    words: catalogue.words,
    label: "Emotion plane. Arrow keys move; Enter plays again.",
    onPick: (valence, arousal, final, byKey) => {
      player.wake();
      if (final && !byKey && asked === String(pad.emotion)) return;  // the press of this click has requested it
      state = { request: [valence, arousal] };
      pad.draw(state);
      if (!final) asked = "";
      // A generator is slow: it is asked when the pointer rests.
      if (final || (source === "composer" && performance.now() - last > WHILE_DRAGGING)) request();
    },
  });

  /** Request what the plane shows; while a request is on its way, the latest one waits for it. */
  async function request() {
    last = performance.now();
    asked = String(pad.emotion);
    ++latest;
    waiting = true;
    if (busy) return;
    busy = true;
    while (waiting) {
      waiting = false;
      await requestOnce(latest);
    }
    busy = false;
    if (source !== "composer") sampleAhead(source);
  }

  async function requestOnce(number) {
    const [valence, arousal] = pad.emotion, current = () => number === latest;
    say(status, `Requested: valence ${signed(valence)}, arousal ${signed(arousal)}.`);
    try {
      if (source === "composer") await playComposed(valence, arousal, current);
      else await playSampled(valence, arousal, current);
    } catch (error) { if (current()) say(status, error.message, true); }
  }

  async function playComposed(valence, arousal, current) {
    const body = { curve: [{ time: 0, valence, arousal }], seconds: SECONDS, genre: byId("style").value, seed: Number(byId("seed").value), held };
    const piece = await post("/api/v1/compose", body);
    if (!current()) return;
    const middle = piece.sections[Math.floor(piece.sections.length / 2)];
    state.given = [middle.valence, middle.arousal];
    showCues(piece);
    await show(piece.sound, current);
  }

  async function playSampled(valence, arousal, current) {
    const known = clips.get(source), distance = (clip) => Math.hypot(clip.valence - valence, clip.arousal - arousal);
    const near = known.length ? known.reduce((a, b) => (distance(a) <= distance(b) ? a : b)) : null;
    if (near && distance(near) <= NEAR) {
      say(status, `A clip of ${signed(near.valence)}, ${signed(near.arousal)} plays while the one requested is sampled.`);
      await show(near.sound, current);
      if (distance(near) === 0) { say(status, `Plays what was requested: valence ${signed(valence)}, arousal ${signed(arousal)}.`); return; }
    } else say(status, "Sampling\u2026");
    const clip = await sample(source, valence, arousal);
    if (!current()) return;
    say(status, `Plays what was requested: valence ${signed(valence)}, arousal ${signed(arousal)}.`);
    await show(clip.sound, current);
  }

  async function sample(model, valence, arousal) {
    const kept = clips.get(model), job = await post("/api/v1/sample", { model, valence, arousal, ...settingsOf() });
    const { sound } = await follow(job), clip = { valence, arousal, sound };
    kept.push(clip);
    return clip;
  }

  /** Sample a few emotions of a generator ahead, one after the other, while it is chosen and nothing is requested. */
  async function sampleAhead(model) {
    const kept = clips.get(model), number = ++ahead;
    for (const arousal of GRID) for (const valence of GRID) {
      if (source !== model || busy || number !== ahead) return;
      if (kept.some((clip) => clip.valence === valence && clip.arousal === arousal)) continue;
      try { await sample(model, valence, arousal); } catch { return; }
    }
  }

  async function show(sound, current) {
    await player.play(sound.url);
    if (!current()) return;
    byId("plane-stop").disabled = false;
    mel.show(null);
    const links = [["FLAC", sound.url, "affetti.flac"]];
    if (sound.midi) links.push(["MIDI", sound.midi, "affetti.mid"]);
    downloads(byId("plane-downloads"), links);
    describe(null);
    const analysis = await post(`/api/v1/sounds/${sound.id}/analysis`);
    if (!current()) return;
    mel.show(analysis.picture);
    describe(analysis);
  }

  function describe(analysis) {
    const pair = ([valence, arousal]) => `valence ${signed(valence)}, arousal ${signed(arousal)}`;
    const entries = [["Requested", pair(state.request), "request"]];
    if (state.given) entries.push(["Its cues give", pair(state.given), "given"]);
    const prediction = analysis?.prediction;
    if (prediction) {
      state.predicted = [prediction.valence, prediction.arousal];
      state.interval = prediction.valence_ci ? [prediction.valence_ci, prediction.arousal_ci] : null;
      const level = prediction.interval_level ? ` (ellipse: ${Math.round(100 * prediction.interval_level)} % interval)` : "";
      entries.push(["Predicted", pair(state.predicted) + level, "predicted"]);
    } else if (analysis?.reason) entries.push(["Predicted", analysis.reason]);
    else if (!catalogue.regressor) entries.push(["Predicted", NO_REGRESSOR]);
    else entries.push(["Predicted", "\u2026"]);
    facts(byId("plane-facts"), entries);
    pad.draw(state);
  }

  function showCues({ cues, effects }) {
    for (const [name, value] of Object.entries(cues)) {
      const input = byId(`cue-${name}`), [valence, arousal] = effects[name];
      if (!(name in held)) input.value = value;
      showValue(name);
      byId(`effect-${name}`).textContent = `V ${signed(valence)}  A ${signed(arousal)}`;
      input.closest(".cue").classList.toggle("held", name in held);
    }
  }

  /** The value of a graded cue, beside its name. */
  function showValue(name) {
    const shown = byId(`value-${name}`);
    if (shown) shown.textContent = ` ${Number(byId(`cue-${name}`).value).toFixed(name === "register" ? 0 : name === "level" ? 1 : 2)} ${UNITS[name]}`;
  }

  function buildCues() {
    const form = byId("cues"), rows = [];
    const option = (value) => node("option", { value }, value);
    const hold = (name, read) => ({ target }) => { held[name] = read(target.value); byId("follow").disabled = false; player.wake(); request(); };
    const row = (name, control, unit) => node("div", { className: "cue" }, node("label", { htmlFor: control.id }, LABELS[name], node("small", unit ? { id: `value-${name}` } : {})), control, node("span", { className: "effect", id: `effect-${name}` }));
    for (const [name, [low, high]] of Object.entries(catalogue.cues))
      rows.push(row(name, node("input", { type: "range", id: `cue-${name}`, min: low, max: high, step: (high - low) / 100, oninput: () => showValue(name), onchange: hold(name, Number) }), UNITS[name]));
    for (const [name, choices] of Object.entries(catalogue.choices))
      rows.push(row(name, node("select", { id: `cue-${name}`, onchange: hold(name, String) }, ...choices.map(option))));
    for (const [name, [low, high]] of Object.entries(catalogue.cues)) rows.find((entry) => entry.querySelector(`#cue-${name}`)).querySelector("input").value = (low + high) / 2;
    const style = node("select", { id: "style", onchange: () => { player.wake(); request(); } }, ...catalogue.genres.map(option));
    style.value = "pop";
    const seed = node("input", { type: "number", id: "seed", min: 0, max: 99999, value: 0, onchange: () => request() });
    const follow = node("button", { type: "button", id: "follow", disabled: true, onclick: () => { for (const name in held) delete held[name]; follow.disabled = true; request(); } }, "Let all cues follow the plane");
    form.append(node("h3", {}, "Cues of the composer"),
      node("p", { className: "status" }, "They move with the plane; one that you move stays. V and A: how much it shifts valence and arousal."), ...rows,
      node("p", { className: "controls" }, node("label", {}, "Style ", style), node("label", {}, "Seed ", seed), follow));
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  function choose(id) {
    source = id;
    for (const tab of byId("sources").children) {
      tab.setAttribute("aria-selected", String(tab.dataset.source === id));
      tab.tabIndex = tab.dataset.source === id ? 0 : -1;
    }
    const model = catalogue.models.find((entry) => entry.id === id);
    byId("cues").hidden = Boolean(model);
    byId("sampling").hidden = !model;
    if (model) settingsOf = modelForm(byId("sampling"), model, { onChange: () => { clips.set(id, []); player.wake(); request(); } });
    if (state.request) { delete state.given; delete state.predicted; request(); }
    else if (model) sampleAhead(id);
  }

  function buildSources() {
    const entries = [{ id: "composer", name: "composer" }, ...catalogue.models], list = byId("sources");
    for (const { id, name } of entries) {
      const tab = node("button", { type: "button", onclick: () => { player.wake(); choose(id); } }, name);
      tab.setAttribute("role", "tab");
      tab.dataset.source = id;
      list.append(tab);
    }
    list.hidden = entries.length === 1;
    list.addEventListener("keydown", ({ key }) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
      if (!step) return;
      const tabs = [...list.children], next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
      next.focus();
      next.click();
    });
  }

  function stop() { player.stop(); ++latest; waiting = false; byId("plane-stop").disabled = true; }

  byId("plane-stop").onclick = () => { stop(); say(status, "Stopped."); };
  byId("volume").oninput = ({ target }) => { player.volume = Number(target.value); };
  buildSources();
  buildCues();
  choose("composer");
  for (const name in catalogue.cues) showValue(name);
  say(status, "Nothing plays yet: click on the plane.");
  everyFrame(() => { mel.position = player.position; });
  return { leave: stop };
}
