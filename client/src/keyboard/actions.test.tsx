// @vitest-environment jsdom
import { fireEvent, render, screen } from "@testing-library/react";
import { useEffect, useLayoutEffect, useState } from "react";
import { expect, test } from "vitest";
import { type Action, ActionsProvider, HoldKeys, useAction } from "./actions";

function Offer({ action }: { action: Action }) {
  useAction(action);
  return null;
}

function keys(...offers: [keys: string, layer?: number][]) {
  const ran: string[] = [];
  render(
    <ActionsProvider>
      {offers.map(([key, layer = 0]) => (
        <Offer
          key={`${key}-${layer}`}
          action={{
            id: `${key}-${layer}`,
            title: key,
            section: "app",
            keys: key,
            layer,
            run: () => ran.push(`${key}-${layer}`),
          }}
        />
      ))}
      <input aria-label="Box" />
    </ActionsProvider>,
  );
  const press = (key: string, over = {}) => fireEvent.keyDown(document.body, { key, ...over });
  return { ran, press };
}

test("C58: two keys in a row are one shortcut, and the first one alone is none", () => {
  const { ran, press } = keys(["g b"], ["b"]);
  press("b");
  press("g");
  press("b");
  press("g");
  press("x");
  press("b");
  expect(ran).toEqual(["b-0", "g b-0", "b-0"]);
});

test("C58: where two want one key the higher layer has it", () => {
  const { ran, press } = keys(["e", 1], ["e"]);
  press("e");
  expect(ran).toEqual(["e-1"]);
});

test("C58: single keys are left to whoever writes, chords are not", () => {
  const { ran } = keys(["e"], ["mod+k"]);
  const box = screen.getByRole("textbox", { name: "Box" });
  fireEvent.keyDown(box, { key: "e" });
  fireEvent.keyDown(box, { key: "k", ctrlKey: true });
  expect(ran).toEqual(["mod+k-0"]);
});

test("C58: what a field does with a chord by itself is left to it, and is a shortcut elsewhere", () => {
  const { ran, press } = keys(["mod+a"]);
  const box = screen.getByRole("textbox", { name: "Box" });
  expect(fireEvent.keyDown(box, { key: "a", ctrlKey: true })).toBe(true);
  expect(ran).toEqual([]);
  expect(press("a", { metaKey: true })).toBe(false);
  expect(ran).toEqual(["mod+a-0"]);
});

test("C58: a key works as soon as what it belongs to is drawn", () => {
  const ran: string[] = [];
  function Part() {
    // What is drawn can be seen, and its key pressed, before effects that wait for the next frame have run.
    useLayoutEffect(() => {
      fireEvent.keyDown(document.body, { key: "e" });
    }, []);
    return <Offer action={{ id: "e", title: "e", section: "app", keys: "e", run: () => ran.push("e") }} />;
  }
  function Later() {
    const [there, setThere] = useState(false);
    useEffect(() => setThere(true), []);
    return there ? <Part /> : null;
  }
  render(
    <ActionsProvider>
      <Later />
    </ActionsProvider>,
  );
  expect(ran).toEqual(["e"]);
});

test("C58: what is typed for a dialog that is still on its way runs no command", () => {
  let runs = 0;
  function Screen({ waiting }: { waiting: boolean }) {
    useAction({
      id: "solve",
      title: "Solve",
      section: "ticket",
      keys: "e",
      run: () => {
        runs += 1;
      },
    });
    return waiting ? <HoldKeys /> : null;
  }
  const draw = (waiting: boolean) => (
    <ActionsProvider>
      <Screen waiting={waiting} />
    </ActionsProvider>
  );
  const { rerender } = render(draw(true));
  fireEvent.keyDown(document.body, { key: "e" });
  expect(runs).toBe(0);
  rerender(draw(false));
  fireEvent.keyDown(document.body, { key: "e" });
  expect(runs).toBe(1);
});

test("C58: of what takes some keys and is still on its way only those keys are held", () => {
  const ran: string[] = [];
  const offer = (key: string) => (
    <Offer action={{ id: key, title: key, section: "app", keys: key, run: () => ran.push(key) }} />
  );
  render(
    <ActionsProvider>
      {offer("e")}
      {offer("J")}
      <HoldKeys keys={["e"]} />
    </ActionsProvider>,
  );
  fireEvent.keyDown(document.body, { key: "e" });
  fireEvent.keyDown(document.body, { key: "J" });
  expect(ran).toEqual(["J"]);
});
