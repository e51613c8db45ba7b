import { describe, expect, test } from "vitest";
import { BoardHash } from "./board-hash";
import { seeded } from "./testing/manual-clock";

/** The contract's words in the plainest code: FNV-1a 64 of `<id>:<version>`, XORed. */
function plainHash(tickets: [number, number][]): string {
  const mask = (1n << 64n) - 1n;
  let all = 0n;
  for (const [id, version] of tickets) {
    let hash = 0xcbf29ce484222325n;
    for (const byte of new TextEncoder().encode(`${id}:${version}`)) {
      hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & mask;
    }
    all ^= hash;
  }
  return all.toString(16).padStart(16, "0");
}

describe("C6: the board hash", () => {
  test("of an empty board is zero", () => {
    expect(new BoardHash().toString()).toBe("0000000000000000");
  });

  test("of one ticket is the published FNV-1a of its text", () => {
    const hash = new BoardHash();
    hash.toggle(1, 1);
    expect(hash.toString()).toBe(plainHash([[1, 1]]));
  });

  test("equals the plain formula after any tickets come, change and go", () => {
    const chance = seeded(11);
    const hash = new BoardHash();
    const board = new Map<number, number>();
    for (let step = 0; step < 2_000; step += 1) {
      const id = 1 + Math.floor(chance() * 50);
      const before = board.get(id);
      if (before !== undefined) hash.toggle(id, before);
      if (chance() < 0.2) board.delete(id);
      else {
        const version = (before ?? 0) + 1 + Math.floor(chance() * 1e9);
        board.set(id, version);
        hash.toggle(id, version);
      }
    }
    expect(hash.toString()).toBe(plainHash([...board]));
  });
});
