// @vitest-environment jsdom
import { act, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Ticket, TicketRecord } from "@/protocol/types";
import { record, ticket } from "@/sync/testing/tickets";
import { info, stage } from "../../../tests/render-desk";
import { WallboardScreen } from "./wallboard-screen";

// A chart needs a canvas; what it draws is tested as figures.
vi.mock("./flow-chart", () => ({ FlowChart: () => null }));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function wall(version = info.version, history: TicketRecord[] = [], then: Ticket[] = []) {
  let reloads = 0;
  const desk = await stage(
    () => (
      <WallboardScreen
        onLeave={() => {}}
        onNewVersion={() => {
          reloads += 1;
        }}
      />
    ),
    {
      api: {
        desk: async () => ({ ...info, version }),
        events: async ({ after, limit = 1_000 }: { after: number; limit?: number }) => {
          const records = history.slice(after, after + limit);
          return { epoch: "e1", records, next_after: after + records.length };
        },
        snapshotAt: async () => ({ epoch: "e1", seq: 1, board: then, board_hash: "" }),
      } as never,
    },
  );
  const tile = (name: string) => {
    const label = screen.getByText(name, { selector: "dt" });
    return within(label.parentElement as HTMLElement).getAllByRole("definition")[0]?.textContent;
  };
  const second = () => act(() => vi.advanceTimersByTime(1_000));
  return { ...desk, tile, second, reloads: () => reloads };
}

test("C50: after thousands of records the figures are still the board's", async () => {
  const { server, advance, tile, second } = await wall();
  expect(tile("Waiting")).toBe("2");
  for (let round = 0; round < 1_500; round += 1) {
    const id = server.open(`Ticket ${round}`);
    if (round % 3 !== 0)
      server.execute("bo", { t: "cmd", id: `s${id}`, ticket: id, do: { type: "update", status: "solved" } });
    if (round % 100 === 0) await advance(50);
  }
  await advance(200);
  second();
  expect(tile("Waiting")).toBe(new Intl.NumberFormat("en").format(502));
});

test("C50: the desk's own closing of what was solved before the last hour is no way out", async () => {
  const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
  const history = [
    record(1, 1, 3, { status: "closed" }, { at: ago(5) }),
    record(2, 2, 2, { status: "solved" }, { at: ago(4) }),
  ];
  await wall(info.version, history, [ticket({ id: 1, status: "solved" }), ticket({ id: 2, status: "open" })]);
  const went = () => screen.getByText("Went out").nextElementSibling?.textContent;
  await waitFor(() => expect(went()).not.toBe("0"));
  expect(went()).toBe("1");
});

test("C50: a wall takes a new version by itself, and leaves the old one alone", async () => {
  const same = await wall();
  await same.advance(100);
  expect(same.reloads()).toBe(0);
  same.screen.unmount();
  const other = await wall("another");
  await other.advance(100);
  expect(other.reloads()).toBeGreaterThan(0);
});
