// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { onceDrawn } from "./once-drawn";

let field: HTMLInputElement;
let goal: HTMLButtonElement;

beforeEach(() => {
  vi.useFakeTimers();
  [field, goal] = [document.createElement("input"), document.createElement("button")];
  document.body.append(field, goal);
});

afterEach(() => {
  document.body.replaceChildren();
  vi.useRealTimers();
});

const frames = (count: number) => {
  for (let frame = 0; frame < count; frame++) vi.advanceTimersToNextFrame();
};

test("C71: the focus goes to what is drawn two frames later", () => {
  onceDrawn(() => goal.focus(), 2);
  frames(1);
  expect(document.activeElement).toBe(document.body);
  frames(1);
  expect(document.activeElement).toBe(goal);
});

test("C71: who has gone elsewhere meanwhile stays there", () => {
  onceDrawn(() => goal.focus());
  field.focus();
  frames(1);
  expect(document.activeElement).toBe(field);
});

test("C71: what held the focus and went away does not keep it from there", () => {
  field.focus();
  onceDrawn(() => goal.focus());
  field.remove();
  frames(1);
  expect(document.activeElement).toBe(goal);
});
