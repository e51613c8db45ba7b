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

const frame = () => vi.advanceTimersToNextFrame();

test("C71: the focus goes to what is drawn a frame later", () => {
  onceDrawn(() => goal.focus());
  expect(document.activeElement).toBe(document.body);
  frame();
  expect(document.activeElement).toBe(goal);
});

test("C71: who has gone elsewhere meanwhile stays there", () => {
  onceDrawn(() => goal.focus());
  field.focus();
  frame();
  expect(document.activeElement).toBe(field);
});

test("C71: what held the focus and went away does not keep it from there", () => {
  field.focus();
  onceDrawn(() => goal.focus());
  field.remove();
  frame();
  expect(document.activeElement).toBe(goal);
});
