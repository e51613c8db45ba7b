/**
 * The board hash of the wire contract: FNV-1a 64 of the ASCII text `<id>:<version>` for each active ticket, combined
 * by XOR. XOR undoes itself, so a change costs one `toggle` out and one in, whatever the size of the board.
 *
 * JavaScript has no 64-bit integers that are cheap, so a hash is two unsigned halves of 32 bits. The FNV prime is
 * 2^40 + 0x1b3: multiplying by it is a shift of the low half into the high one and a product that fits a double.
 */
export class BoardHash {
  #high = 0;
  #low = 0;

  /** Puts a ticket at this version in, or takes it out again. */
  toggle(id: number, version: number): void {
    let high = 0xcbf29ce4;
    let low = 0x84222325;
    const text = `${id}:${version}`;
    for (let at = 0; at < text.length; at += 1) {
      low = (low ^ text.charCodeAt(at)) >>> 0;
      const product = low * 0x1b3;
      high = (Math.imul(high, 0x1b3) + Math.floor(product / 0x1_0000_0000) + (low << 8)) >>> 0;
      low = product >>> 0;
    }
    this.#high = (this.#high ^ high) >>> 0;
    this.#low = (this.#low ^ low) >>> 0;
  }

  clear(): void {
    this.#high = 0;
    this.#low = 0;
  }

  /** 16 hex digits, as on the wire. */
  toString(): string {
    return this.#high.toString(16).padStart(8, "0") + this.#low.toString(16).padStart(8, "0");
  }
}
