// @vitest-environment jsdom
import { fireEvent, screen } from "@testing-library/react";
import { useState } from "react";
import { expect, test, vi } from "vitest";
import type { Filters } from "@/desk/filters";
import { ViewDialog } from "@/desk/view-dialog";
import { stage } from "../../../tests/render-desk";
import { FilterBar } from "./filter-bar";

function Bar({ first, onFilters }: { first: Filters; onFilters: (filters: Filters) => void }) {
  const [filters, setFilters] = useState(first);
  return (
    <FilterBar
      filters={filters}
      onChange={(next) => {
        setFilters(next);
        onFilters(next);
      }}
    />
  );
}

test("C44: each filter is a chip with its name, and is taken away where it stands", async () => {
  let now: Filters = {};
  await stage(() => (
    <Bar
      first={{ priority: ["high"], assignee: ["bo", "none"] }}
      onFilters={(next) => {
        now = next;
      }}
    />
  ));
  fireEvent.click(screen.getByRole("button", { name: "Remove the filter Assignee Bo Okafor" }));
  expect(now).toEqual({ priority: ["high"], assignee: ["none"] });
  fireEvent.click(screen.getByRole("button", { name: "Clear all" }));
  expect(now).toEqual({});
});

test("C44: a view is kept under a name, over reloads", async () => {
  let saved = "";
  const { desk, storage } = await stage(() => (
    <ViewDialog
      view={{ id: "v1", name: "", base: "open", search: "?priority=high" }}
      onClose={() => {}}
      onSaved={() => {
        saved = "v1";
      }}
    />
  ));
  fireEvent.change(screen.getByRole("textbox", { name: "Name of the view" }), {
    target: { value: "Hot ones" },
  });
  fireEvent.click(screen.getByRole("button", { name: "Save the view" }));
  await vi.waitFor(() => expect(saved).toBe("v1"));
  expect(desk.savedViews.all.get().find((view) => view.id === saved)).toMatchObject({
    name: "Hot ones",
    base: "open",
    search: "?priority=high",
  });
  expect(storage.get("hotdesk.preferences.ada")).toContain("Hot ones");
});
