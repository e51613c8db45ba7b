import { describe, expect, test } from "vitest";
import type { User } from "@/protocol/types";
import { mentionAt, mentionable, mentionedIn } from "./mentions";

describe("C46: mentions", () => {
  test("begin at a word's beginning and reach to the caret", () => {
    expect(mentionAt("Ask @ro", 7)).toEqual({ from: 4, word: "ro" });
    expect(mentionAt("@", 1)).toEqual({ from: 0, word: "" });
    expect(mentionAt("mail rosa@example", 17)).toBeNull();
    expect(mentionAt("Ask @ro now", 11)).toBeNull();
  });

  test("offer who is active by any part of the name", () => {
    const person = (name: string, active = true) => ({ id: name, name, active }) as User;
    const people = [person("Rosa Lind"), person("Ada Rossi"), person("Bo", true), person("Rolf", false)];
    expect(mentionable(people, "ro").map((one) => one.name)).toEqual(["Ada Rossi", "Rosa Lind"]);
  });

  test("C61: ask those whose whole names stand behind an @, each once", () => {
    const person = (id: string, name: string, active = true) => ({ id, name, active }) as User;
    const people = [
      person("b", "Bo"),
      person("bl", "Bo Lind"),
      person("r", "Rolf", false),
      person("a", "Ada"),
    ];
    expect(mentionedIn("@Bo Lind, and @ada: see @Bo Lind", people)).toEqual(["bl", "a"]);
    expect(mentionedIn("@Bo please", people)).toEqual(["b"]);
    expect(mentionedIn("@Boris, mail ada@Bo, @Rolf", people)).toEqual([]);
  });
});
