// @vitest-environment jsdom
import { act, fireEvent, screen, within } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import { Selection } from "@/desk/selection";
import type { BulkOutcome, Command } from "@/protocol/types";
import { stage } from "../../../tests/render-desk";
import { TicketList } from "./ticket-list";

async function list(refuses: number[] = []) {
  const selection = new Selection();
  const asked: { ids: readonly number[]; command: Command }[] = [];
  const bulk = async (ids: readonly number[], command: Command): Promise<BulkOutcome[]> => {
    asked.push({ ids, command });
    return ids.map((id) =>
      refuses.includes(id)
        ? ({ id, ok: false, error: { code: "already_claimed", holder: "bo", detail: "" } } as BulkOutcome)
        : { id, ok: true, seq: 1, version: 2 },
    );
  };
  const desk = await stage(
    () => (
      <TicketList
        ids={[1, 2]}
        selected={null}
        selection={selection}
        hrefOf={(id) => `/inbox/open/${id}`}
        showAssignee
        group="none"
        title="All"
        count="2"
        menu={null}
        below={null}
        empty={null}
        onMenu={() => {}}
      />
    ),
    { api: { bulk } as never },
  );
  return { ...desk, selection, asked };
}

describe("C43: one command for the marked tickets", () => {
  test("goes to all of them in the list's order, and then nothing is marked", async () => {
    const { selection, asked } = await list();
    act(() => selection.all([2, 1]));
    const bar = await screen.findByRole("toolbar");
    expect(within(bar).getByText("2 selected")).toBeDefined();
    await act(async () => fireEvent.keyDown(document.body, { key: "e" }));
    expect(asked).toEqual([{ ids: [1, 2], command: { type: "update", status: "solved" } }]);
    expect(selection.ids.get().size).toBe(0);
    expect(screen.queryByRole("toolbar")).toBeNull();
  });

  test("tells each ticket's own outcome, and leaves the refused ones marked", async () => {
    const { selection } = await list([2]);
    act(() => selection.all([1, 2]));
    const bar = await screen.findByRole("toolbar");
    await act(async () => within(bar).getByRole("button", { name: "Take" }).click());
    const told = within(await screen.findByRole("dialog", { name: "What became of them" }));
    expect(told.getByText("1 changed, 1 refused")).toBeDefined();
    expect(told.getByRole("link", { name: /#2.*Bo Okafor has it/ })).toBeDefined();
    expect(told.getByRole("link", { name: /#1.*Changed/ })).toBeDefined();
    expect([...selection.ids.get()]).toEqual([2]);
  });
});
