import { beforeEach, describe, expect, test } from "vitest";
import { Presence } from "./presence";
import { ManualClock } from "./testing/manual-clock";

let clock: ManualClock;
let said: string[];
let presence: Presence;

beforeEach(() => {
  clock = new ManualClock();
  said = [];
  presence = new Presence("me", clock, (ticket, state) => said.push(`${ticket} ${state}`));
});

describe("C19: presence", () => {
  test("shows the others on a ticket, never oneself, nobody who is away", () => {
    presence.heard(1, [
      { user: "me", state: "viewing" },
      { user: "bo", state: "typing" },
      { user: "cy", state: "away" },
    ]);
    expect(presence.on(1)).toEqual([{ user: "bo", state: "typing" }]);
  });

  test("typing is said once, and ends by itself", async () => {
    presence.look(1);
    presence.type(1);
    presence.type(1);
    await clock.advance(3_000);
    presence.type(1);
    await clock.advance(3_900);
    expect(said).toEqual(["1 viewing", "1 typing"]);
    await clock.advance(200);
    expect(said).toEqual(["1 viewing", "1 typing", "1 viewing"]);
  });

  test("going to another ticket leaves the first one", () => {
    presence.look(1);
    presence.look(2);
    presence.leave(1);
    presence.leave(2);
    expect(said).toEqual(["1 viewing", "1 away", "2 viewing", "2 away"]);
  });

  test("a new line is told where we are, and what we knew of others is forgotten", () => {
    presence.look(1);
    presence.heard(1, [{ user: "bo", state: "viewing" }]);
    presence.forget();
    expect(presence.on(1)).toEqual([]);
    presence.repeat();
    expect(said).toEqual(["1 viewing", "1 viewing"]);
  });
});
