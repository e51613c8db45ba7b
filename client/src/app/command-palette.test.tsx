// @vitest-environment jsdom
import { fireEvent, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { useAction } from "@/keyboard/actions";
import { stage } from "../../tests/render-desk";
import { CommandPalette } from "./command-palette";

function Offered({ onRun }: { onRun: () => void }) {
  useAction({ id: "solve", title: "Solve", section: "ticket", keys: "e", run: onRun });
  useAction({ id: "go-board", title: "Go to Board", section: "go", keys: "g b", run: () => {} });
  return null;
}

async function palette() {
  let runs = 0;
  let closed = 0;
  await stage(() => (
    <>
      <Offered
        onRun={() => {
          runs += 1;
        }}
      />
      <CommandPalette
        onClose={() => {
          closed += 1;
        }}
      />
    </>
  ));
  const box = screen.getByPlaceholderText(/Type a command/);
  const type = (text: string) => fireEvent.change(box, { target: { value: text } });
  return { box, type, runs: () => runs, closed: () => closed };
}

test("C57: the palette finds what can be done by some of its letters, and shows the key that does it too", async () => {
  const { type, box, runs, closed } = await palette();
  type("slv");
  const found = await screen.findByRole("option", { name: /^Solve/ });
  expect(found.textContent).toContain("E");
  fireEvent.keyDown(box, { key: "Enter" });
  await new Promise((done) => setTimeout(done, 0));
  expect([runs(), closed()]).toEqual([1, 1]);
});

test("C57: it finds tickets by word and number, people, views and pages", async () => {
  const { type } = await palette();
  type("fire");
  expect(await screen.findByRole("option", { name: /#1.*The printer is on fire/ })).toBeDefined();
  type("#2");
  expect(await screen.findByRole("option", { name: /#2.*The printer is out/ })).toBeDefined();
  type("okaf");
  expect(await screen.findByRole("option", { name: "Open tickets of Bo Okafor" })).toBeDefined();
  type("unass");
  expect(await screen.findByRole("option", { name: "Go to Unassigned" })).toBeDefined();
  type("board");
  expect((await screen.findByRole("option", { name: /Go to Board/ })).textContent).toContain("GB");
});

test("C57: whatever is typed can be searched for in all tickets", async () => {
  const { type } = await palette();
  type("zeppelin");
  expect(await screen.findByRole("option", { name: /Search all tickets for “zeppelin”/ })).toBeDefined();
});

test("C57: the best comes first, whatever it is", async () => {
  const { type } = await palette();
  const first = async () => (await screen.findAllByRole("option"))[0];
  type("so");
  expect((await first())?.textContent).toContain("Solve");
  type("the printer");
  expect((await first())?.textContent).toMatch(/#[12]The printer/);
  expect((await first())?.getAttribute("aria-selected")).toBe("true");
});
