// Tones as files, and how much of a tone is in a sound. 16 bits, one channel.

/** A WAV file of a tone. */
export function toneFile(hz, seconds, rate = 16_000) {
  const count = Math.round(seconds * rate);
  const file = Buffer.alloc(44 + 2 * count);
  file.write('RIFF', 0);
  file.writeUInt32LE(36 + 2 * count, 4);
  file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(rate, 24);
  file.writeUInt32LE(2 * rate, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36);
  file.writeUInt32LE(2 * count, 40);
  for (let i = 0; i < count; i += 1) file.writeInt16LE(Math.round(8000 * Math.sin((2 * Math.PI * hz * i) / rate)), 44 + 2 * i);
  return file;
}

/** The largest part of 100 ms of a WAV file that a tone has, of 1. */
export function strongest(file, hz) {
  const rate = file.readUInt32LE(24);
  const at = file.indexOf('data') + 8;
  const count = (file.length - at) >> 1;
  const window = Math.round(rate / 10);
  let most = 0;
  for (let from = 0; from + window <= count; from += window) {
    let [real, imaginary, energy] = [0, 0, 1e6];  // what is nearly silence has none
    for (let i = 0; i < window; i += 1) {
      const sample = file.readInt16LE(at + 2 * (from + i));
      const angle = (2 * Math.PI * hz * i) / rate;
      real += sample * Math.cos(angle);
      imaginary += sample * Math.sin(angle);
      energy += sample * sample;
    }
    most = Math.max(most, (2 * (real * real + imaginary * imaginary)) / (energy * window));
  }
  return most;
}
