// @vitest-environment jsdom
import { act, fireEvent, screen, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { useTicket } from "@/desk/use-live";
import type { Command, Triage } from "@/protocol/types";
import { info, stage } from "../../../tests/render-desk";
import { TriageCard } from "./triage-card";

const TRIAGE: Triage = {
  state: "proposed",
  source: "learner",
  at: "2026-01-05T09:00:00.000Z",
  category: { value: "shipping", confidence: 0.82 },
  priority: { value: "high", confidence: 0.61 },
  sentiment: { value: "negative", confidence: 0.9 },
  language: { value: "fr", confidence: 0.99 },
  summary: "The parcel is late.",
  tags: ["parcel"],
  spam: null,
  duplicate_of: null,
} as Triage;

function Shown() {
  const ticket = useTicket(1);
  return ticket === undefined ? null : <TriageCard ticket={ticket} />;
}

let desk: Awaited<ReturnType<typeof stage>>;

beforeEach(async () => {
  desk = await stage(() => <Shown />, {
    info: { ...info, categories: [{ id: "shipping", name: "Shipping", description: "" }] },
  });
  desk.server.execute("bo", {
    t: "cmd",
    id: "triage",
    ticket: 1,
    do: { type: "update", triage: TRIAGE } as unknown as Command,
  });
  await desk.advance(100);
});

const card = () => within(screen.getByRole("region", { name: "Proposal" }));
const key = (name: string) => act(async () => fireEvent.keyDown(document.body, { key: name }));
const sent = () => desk.desk.sync.outbox.state.get().unseen.map((command) => command.do);

describe("C67: the proposal", () => {
  test("shows what is proposed, how sure, and what was found out beside", () => {
    for (const text of ["The parcel is late.", "Shipping", "82%", "High", "61%", "parcel"]) {
      expect(card().getAllByText(text).length).toBeGreaterThan(0);
    }
    expect(card().getByText(/Unhappy/)).toBeDefined();
    expect(card().getByText(/French/)).toBeDefined();
  });

  test("is accepted whole, field by field, and refused, by one key each", async () => {
    await key("2");
    expect(sent()).toEqual([{ type: "triage_accept", fields: ["priority"] }]);
    expect(desk.desk.sync.tickets.get(1)).toMatchObject({
      priority: "high",
      triage: { decided: { priority: "accepted" } },
    });
    await key("d");
    expect(sent().at(-1)).toEqual({ type: "triage_reject", fields: ["category", "tags"] });
    expect(desk.desk.sync.tickets.get(1)?.triage).toMatchObject({ state: "accepted" });
  });

  test("is taken as a whole, and tags come beside those that are there", async () => {
    await key("y");
    expect(sent()).toEqual([{ type: "triage_accept", fields: ["category", "priority", "tags"] }]);
    expect(desk.desk.sync.tickets.get(1)).toMatchObject({
      category: "shipping",
      priority: "high",
      tags: ["parcel"],
    });
  });
});
