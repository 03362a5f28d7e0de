// The page Path: points and lines drawn on the plane, and a piece that follows them in the time they were drawn in.

import { follow, post, remove } from "./api.js";
import { drawCurves } from "./chart.js";
import { MelView } from "./mel.js";
import { modelForm } from "./model_form.js";
import { Pad } from "./pad.js";
import { blobUrl, byId, downloads, everyFrame, node, say } from "./page.js";

const CLICK = 1, NEAR = 0.06;  // seconds of drawing that a click stands for; a distance on the plane
const START = "Click on the plane to set the first point, or drag to draw in time.";
const distance = ([a, b], [c, d]) => Math.hypot(a - c, b - d);

export function start(catalogue) {
  const status = byId("path-status"), audio = byId("path-audio"), mel = new MelView(byId("path-mel"));
  // A stop is a place with the seconds of drawing since the one before it; `part` numbers the clicks and strokes.
  let stops = [], stroke = [], parts = 0, moving = null, busy = false, predicted, settingsOf = () => ({}), playhead = () => {};
  const model = () => catalogue.models.find(({ id }) => id === byId("path-source").value);

  const pad = new Pad(byId("path-plane"), {
    words: catalogue.words,
    label: "Emotion plane. Arrow keys move; each click or press of Enter adds a point of the path; dragging draws it in time.",
    onPick: (valence, arousal, final, byKey) => {
      moving = [valence, arousal];
      if (byKey) { if (usingArrows) draw(); else add([{ place: moving, seconds: CLICK }]); }
      else trace(final);
    },
  });
  // With arrow keys a point is moved until Enter sets it.
  let usingArrows = false;
  pad.svg.addEventListener("keydown", ({ key }) => { usingArrows = key.startsWith("Arrow"); }, { capture: true });
  pad.svg.addEventListener("pointerdown", () => { usingArrows = false; }, { capture: true });

  /** Follow the pointer: a place every quarter of a second or NEAR of the plane; what never moved is a click. */
  function trace(final) {
    const now = performance.now(), last = stroke.at(-1);
    if (!last || final || now - last.at > 250 || distance(last.place, moving) >= NEAR) stroke.push({ place: moving, at: now });
    if (!final) return draw();
    const drawn = stroke.some(({ place }) => distance(place, stroke[0].place) >= NEAR);
    const since = (i) => (i ? Math.max(0.02, (stroke[i].at - stroke[i - 1].at) / 1000) : CLICK);
    const traced = drawn ? stroke.map(({ place }, i) => ({ place, seconds: since(i) })) : [{ place: moving, seconds: CLICK }];
    stroke = [];
    add(traced);
  }

  function add(traced) {
    parts += 1;
    stops.push(...traced.map((stop) => ({ ...stop, part: parts })));
    moving = null;
    draw();
  }

  /** Draw the path anew after a change to it. */
  function draw() {
    predicted = undefined;
    paint();
    if (!stops.length) return say(status, START);
    const drawn = stops.length > ends().length, count = `${ends().length} ${drawn ? "part" : "point"}${ends().length > 1 ? "s" : ""}`;
    say(status, drawn ? `${count}, as long in the piece as in the drawing, scaled to its length.` : `${count}, spread evenly over the piece.`);
  }

  /** The last place of each part. */
  const ends = () => stops.filter(({ part }, i) => part !== stops[i + 1]?.part).map(({ place }) => place);

  function paint() {
    const places = [...stops, ...stroke].map(({ place }) => place);
    pad.draw({ trail: moving ? [...places, moving] : places, stops: ends(), request: moving ?? undefined, predictedTrail: predicted });
    byId("path-undo").disabled = byId("path-clear").disabled = stops.length === 0;
    byId("path-make").disabled = busy || stops.length === 0;
  }

  function curve() {
    const [, ...later] = stops, all = later.reduce((sum, stop) => sum + stop.seconds, 0) || 1;
    const scale = Number(byId("path-seconds").value) / all;
    let time = 0;
    return stops.map(({ place: [valence, arousal], seconds }, i) => {
      time += i ? seconds * scale : 0;
      return { time: Math.round(1000 * time) / 1000, valence, arousal };
    });
  }

  async function make() {
    const requested = curve(), seconds = Number(byId("path-seconds").value);
    busy = byId("path-source").disabled = true;
    paint();
    try {
      const piece = model() ? await generate(requested, seconds) : await compose(requested, seconds);
      audio.src = piece.sound.url;
      audio.play().catch(() => {});
      show(piece, requested, null);
      const analysis = await post(`/api/v1/sounds/${piece.sound.id}/analysis`);
      mel.show(analysis.picture);
      show(piece, requested, analysis.prediction);
    } catch (error) { say(status, error.message, true); }
    busy = byId("path-source").disabled = false;
    paint();
  }

  async function compose(requested, seconds) {
    say(status, "Composing\u2026");
    const body = { curve: requested, seconds, genre: byId("path-genre").value, seed: Number(byId("path-seed").value) };
    const piece = await post("/api/v1/compose", body);
    say(status, `${Math.round(piece.seconds)} seconds in ${piece.sections.length} sections.`);
    return piece;
  }

  /** A song of the generator chosen, in a job that can be cancelled. */
  async function generate(requested, seconds) {
    const { id, name, song_method: method } = model(), bar = byId("path-progress"), cancel = byId("path-cancel"), began = performance.now();
    say(status, `Waiting for ${name}\u2026`);
    bar.removeAttribute("value");
    bar.hidden = cancel.hidden = false;
    try {
      const job = await post("/api/v1/songs", { model: id, curve: requested, seconds, ...settingsOf() });
      cancel.onclick = () => { remove(`/api/v1/jobs/${job.job}`).catch((error) => say(status, error.message, true)); };
      const song = await follow(job, ({ stage, done, total }) => {
        bar.value = done / total;
        if (done === total || total === 1) bar.removeAttribute("value");
        const left = done && done < total ? `, about ${duration((performance.now() - began) / 1000 * (total / done - 1))} left` : "";
        say(status, `${name}, by ${method}: ${stage}${total > 1 ? `, ${done} of ${total} done` : ""}${left}\u2026`);
      });
      say(status, `${Math.round(song.seconds)} seconds by ${name}, made by ${method}.`);
      return { ...song, sections: [] };
    } finally { bar.hidden = cancel.hidden = true; }
  }

  function show(piece, requested, prediction) {
    byId("path-view").hidden = false;
    const asked = requested.length > 1 ? requested : [...requested, { ...requested[0], time: piece.seconds }];
    const made = (name) => (prediction ? prediction.curve.map((point) => [point.time, point[name]]) : piece.sections.flatMap((s) => [[s.start, s[name]], [s.start + s.duration, s[name]]]));
    const curves = ["valence", "arousal"].flatMap((name) => [
      { name, requested: true, points: asked.map((point) => [point.time, point[name]]) }, { name, points: made(name) },
    ]);
    const solid = prediction ? " and predicted (solid)" : piece.sections.length ? " and what the cues of each section give (solid)" : "", label = `Requested (dashed)${solid}`;
    playhead = drawCurves(byId("path-curve"), piece.seconds, curves, label);
    byId("path-curve").append(node("p", { className: "status" }, `${label}${prediction ? "; on the plane, the predicted path is thin" : ""}.`));
    predicted = prediction?.curve.filter((point) => point.valence !== null).map((point) => [point.valence, point.arousal]);
    paint();
    const links = [["FLAC", piece.sound.url, "affetti-path.flac"], ["MIDI", piece.sound.midi, "affetti-path.mid"],
      ["CSV", blobUrl(csv(piece, requested, prediction), "text/csv"), "affetti-path.csv"]];
    downloads(byId("path-downloads"), links.filter(([, url]) => url));
  }

  function choose() {
    const chosen = model(), length = byId("path-seconds");
    byId("path-composer").hidden = Boolean(chosen);
    byId("path-sampling").hidden = !chosen;
    if (chosen) settingsOf = modelForm(byId("path-sampling"), chosen, { song: true });
    byId("path-make").textContent = chosen ? "Generate" : "Compose";
    length.min = chosen ? Math.max(8, Math.ceil(chosen.seconds)) : 8;
    length.value = Math.max(length.value, length.min);
  }

  byId("path-source").append(node("option", { value: "" }, "the composer"), ...catalogue.models.map(({ id, name, song_method: method }) => node("option", { value: id }, `${name} (${method})`)));
  byId("path-source").onchange = choose;
  byId("path-source").closest("label").hidden = catalogue.models.length === 0;
  byId("path-genre").append(...catalogue.genres.map((value) => node("option", { value }, value)));
  byId("path-genre").value = "pop";
  byId("path-undo").onclick = () => { stops = stops.filter(({ part }) => part !== stops.at(-1).part); moving = null; draw(); };
  byId("path-clear").onclick = () => { stops = []; moving = null; draw(); };
  byId("path-make").onclick = make;
  everyFrame(() => {
    const share = audio.duration ? audio.currentTime / audio.duration : null;
    playhead(share);
    mel.position = share;
  });
  say(status, START);
  return { leave: () => audio.pause() };
}

const duration = (seconds) => (seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`);

function csv(piece, requested, prediction) {
  const rows = requested.map((p) => `requested,${p.time},${p.valence},${p.arousal}`);
  const given = piece.sections.map((s) => `cues,${s.start},${s.valence},${s.arousal}`);
  const predicted = (prediction?.curve ?? []).map((p) => `predicted,${p.time},${p.valence ?? ""},${p.arousal ?? ""}`);
  return ["what,time,valence,arousal", ...rows, ...given, ...predicted].join("\n") + "\n";
}
