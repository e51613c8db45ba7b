// @vitest-environment jsdom
import { act, fireEvent, screen, waitFor } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { Selection } from "@/desk/selection";
import type { BulkOutcome } from "@/protocol/types";
import { ProblemError } from "@/sync/problem-error";
import { stage } from "../../../tests/render-desk";
import { BulkBar } from "./bulk-bar";

test("C43: what never got to the server stays marked, as what was refused does", async () => {
  const ids = Array.from({ length: 1_200 }, (_, index) => index + 1);
  const selection = new Selection();
  selection.all(ids);
  const bulk = vi
    .fn()
    .mockImplementationOnce(
      async (part: number[]): Promise<BulkOutcome[]> => part.map((id) => ({ id, ok: true }) as BulkOutcome),
    )
    .mockRejectedValueOnce(new ProblemError({ code: "unreachable", status: 0, retryable: true }));
  const desk = await stage(() => <BulkBar selection={selection} order={ids} />, { api: { bulk } as never });
  await act(async () => fireEvent.keyDown(document.body, { key: "e" }));
  await waitFor(() => expect(desk.announced).toContain("500 tickets changed"));
  expect(bulk.mock.calls.map(([part]) => part.length)).toEqual([500, 500]);
  expect([...selection.ids.get()]).toEqual(ids.slice(500));
  screen.getByText("700 selected");
});
