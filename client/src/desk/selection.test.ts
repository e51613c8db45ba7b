import { describe, expect, test } from "vitest";
import { Selection } from "./selection";

const marked = (selection: Selection) => [...selection.ids.get()].sort((a, b) => a - b);

describe("C43: the selection", () => {
  test("grows as a range from the last mark, in the list's order", () => {
    const selection = new Selection();
    const order = [9, 4, 7, 1, 3];
    selection.toggle(4);
    selection.extend(1, order);
    expect(marked(selection)).toEqual([1, 4, 7]);
    selection.extend(9, order);
    expect(marked(selection)).toEqual([1, 4, 7, 9]);
    selection.toggle(7);
    expect(marked(selection)).toEqual([1, 4, 9]);
  });

  test("a range without a beginning is one mark, and one to a ticket that left is none", () => {
    const selection = new Selection();
    selection.extend(2, [1, 2, 3]);
    expect(marked(selection)).toEqual([2]);
    selection.extend(5, [1, 2, 3]);
    expect(marked(selection)).toEqual([2]);
  });
});
