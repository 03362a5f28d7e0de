// Sounds of a trial: loaded before they can be played, one at a time, and which parts of each have been heard.

const FADE = 0.008, WHOLE = 0.98;

export class Sounds {
  /** `onChange()` is called when a sound starts, ends or is stopped. */
  constructor(onChange = () => {}) {
    this.onChange = onChange;
    this.buffers = new Map();
    this.heard = new Map();
    this.now = null;
    this.context = null;
    this.level = 1;
    this.loop = false;
  }

  /** The audio context; browsers let it sound once the listener has clicked or pressed a key. */
  wake() {
    if (this.context === null) {
      this.context = new AudioContext();
      this.out = this.context.createGain();
      this.out.gain.value = this.level;
      this.out.connect(this.context.destination);
    }
    if (this.context.state === "suspended") this.context.resume();
    return this.context;
  }

  /** Factor on every sound, 0 to 1. */
  setLevel(level) {
    this.level = level;
    if (this.context) this.out.gain.setTargetAtTime(level, this.context.currentTime, 0.02);
  }

  async decode(bytes) { return new OfflineAudioContext(1, 1, 48_000).decodeAudioData(bytes); }

  add(key, buffer) { this.buffers.set(key, buffer); this.heard.set(key, []); }

  clear() { this.stop(); this.buffers.clear(); this.heard.clear(); }

  isPlaying(key) { return this.now?.key === key; }

  /** Play `key` from `offset` seconds; what played before ends first. */
  play(key, offset = 0) {
    const context = this.wake(), buffer = this.buffers.get(key), begin = context.currentTime + (this.now ? FADE : 0);
    this.end();
    const source = context.createBufferSource(), gain = context.createGain();
    source.buffer = buffer;
    source.loop = this.loop;
    gain.gain.setValueAtTime(0, begin);
    gain.gain.linearRampToValueAtTime(1, begin + FADE);
    source.connect(gain).connect(this.out);
    const playing = { key, source, gain, begin, offset, seconds: buffer.duration };
    source.onended = () => { if (this.now === playing) { this.end(); this.onChange(); } };
    source.start(begin, offset);
    this.now = playing;
    this.onChange();
  }

  /** Play `key` where the sound that plays now is: for comparisons in time. */
  switchTo(key) { this.play(key, this.now ? this.position % this.buffers.get(key).duration : 0); }

  stop() { if (this.now) { this.end(); this.onChange(); } }

  end() {
    if (this.now === null) return;
    const { key, source, gain, offset, seconds } = this.now, time = this.context.currentTime;
    const elapsed = Math.max(0, time - this.now.begin), spans = this.heard.get(key);
    if (elapsed >= seconds) spans?.push([0, seconds]);
    else if (offset + elapsed <= seconds) spans?.push([offset, offset + elapsed]);
    else spans?.push([offset, seconds], [0, offset + elapsed - seconds]);
    source.onended = null;
    gain.gain.cancelScheduledValues(time);
    gain.gain.setValueAtTime(gain.gain.value, time);
    gain.gain.linearRampToValueAtTime(0, time + FADE);
    source.stop(time + FADE);
    this.now = null;
  }

  /** Seconds from the start of the sound that plays now. */
  get position() {
    if (this.now === null) return 0;
    const elapsed = Math.max(0, this.context.currentTime - this.now.begin) + this.now.offset;
    return this.loop ? elapsed % this.now.seconds : Math.min(elapsed, this.now.seconds);
  }

  /** Share of `key` that has been heard so far, 0 to 1, each part once; what plays now counts when it ends. */
  share(key) {
    let total = 0, until = 0;
    for (const [start, end] of [...(this.heard.get(key) ?? [])].sort(([a], [b]) => a - b)) {
      total += Math.max(0, end - Math.max(start, until));
      until = Math.max(until, end);
    }
    return Math.min(1, total / (this.buffers.get(key)?.duration ?? 1));
  }

  whole(key) { return this.share(key) >= WHOLE; }
}
