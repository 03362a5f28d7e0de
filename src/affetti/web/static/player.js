// Sound without gaps: each new sound fades in over the one before it.

const FADE = 0.35, MAX_KEPT = 24;

export class Player {
  constructor() { this.context = null; this.kept = new Map(); this.now = null; this.turn = 0; this.level = 0.8; }

  /** Must be called in a click or key press once: browsers allow no sound before. */
  wake() {
    if (this.context === null) {
      this.context = new AudioContext();
      this.out = this.context.createGain();
      this.out.gain.value = this.level;
      this.out.connect(this.context.destination);
    }
    if (this.context.state === "suspended") this.context.resume();
  }

  set volume(level) { this.level = level; if (this.context) this.out.gain.value = level; }

  async load(url) {
    if (!this.kept.has(url)) {
      const response = await fetch(url);
      if (!response.ok) throw new Error("the sound is gone: make it again");
      this.kept.set(url, await this.context.decodeAudioData(await response.arrayBuffer()));
      if (this.kept.size > MAX_KEPT) this.kept.delete(this.kept.keys().next().value);
    }
    return this.kept.get(url);
  }

  /** Play `url` in a loop at `level` (1: as it is), and fade out what played before; not if another was chosen meanwhile. */
  async play(url, level = 1) {
    const turn = ++this.turn, buffer = await this.load(url);
    if (turn !== this.turn) return;
    this.stop();
    const source = this.context.createBufferSource(), gain = this.context.createGain(), start = this.context.currentTime;
    source.buffer = buffer;
    source.loop = true;
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(level, start + FADE);
    source.connect(gain).connect(this.out);
    source.start(start);
    this.now = { source, gain, start, seconds: buffer.duration, url };
  }

  stop() {
    this.turn++;
    if (this.now === null) return;
    const { source, gain } = this.now, time = this.context.currentTime;
    gain.gain.cancelScheduledValues(time);
    gain.gain.setValueAtTime(gain.gain.value, time);
    gain.gain.linearRampToValueAtTime(0, time + FADE);
    source.stop(time + FADE + 0.05);
    this.now = null;
  }

  /** Share of what plays that has been played, 0 to 1; null: nothing plays. */
  get position() {
    if (this.now === null) return null;
    const { start, seconds } = this.now;
    return ((this.context.currentTime - start) % seconds) / seconds;
  }
}
