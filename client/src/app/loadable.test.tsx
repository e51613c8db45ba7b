// @vitest-environment jsdom
import { act, render, screen } from "@testing-library/react";
import { Suspense } from "react";
import { expect, test } from "vitest";
import { loadable } from "./loadable";

const Hello = ({ name }: { name: string }) => <p>Hello {name}</p>;

test("C26: a part that was fetched ahead is there at once, any other one when it has come", async () => {
  const early = loadable(async () => Hello);
  await early.preload();
  const Early = early;
  render(<Early name="Ada" />);
  expect(screen.getByText("Hello Ada")).toBeDefined();

  const Late = loadable(async () => Hello);
  render(
    <Suspense fallback="Wait">
      <Late name="Bo" />
    </Suspense>,
  );
  expect(screen.getByText("Wait")).toBeDefined();
  await act(async () => {});
  expect(await screen.findByText("Hello Bo")).toBeDefined();
});

test("C26: a part that could not be had is asked for again", async () => {
  let tries = 0;
  const part = loadable(async () => {
    tries += 1;
    if (tries === 1) throw new Error("offline");
    return Hello;
  });
  await expect(part.preload()).rejects.toThrow("offline");
  await part.preload();
  expect(tries).toBe(2);
});
