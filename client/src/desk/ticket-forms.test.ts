import { describe, expect, test } from "vitest";
import { memoryStorage } from "@/sync/storage";
import { formOf, type TicketForm, TicketForms } from "./ticket-forms";

const form = (subject: string): TicketForm => ({
  ...formOf({ subject, body: "Water", requester: { name: "Rosa", email: "rosa@example.com" } }),
  tags: "cellar",
});

describe("C41: new tickets that were begun", () => {
  test("are kept over reloads until they are sent", () => {
    const storage = memoryStorage();
    const forms = new TicketForms(storage, "ada");
    forms.write(forms.first(), form("A l"));
    forms.write(forms.first(), form("A leak"));
    expect(new TicketForms(storage, "ada").first()).toEqual(form("A leak"));
    expect(new TicketForms(storage, "bo").first().subject).toBe("");
    forms.sent(form("A leak"));
    expect(forms.first().subject).toBe("");
    expect(storage.keys()).toEqual([]);
  });

  test("are all kept when one comes back, which goes first", () => {
    const forms = new TicketForms(memoryStorage(), "ada");
    forms.write(forms.first(), form("Begun since"));
    forms.giveBack(form("Refused"));
    expect(forms.first()).toEqual(form("Refused"));
    forms.sent(form("Refused"));
    expect(forms.first()).toEqual(form("Begun since"));
  });

  test("are read from the order that was given for them", () => {
    const requester = { name: "rosa@example.com", email: "rosa@example.com" };
    expect(formOf({ subject: "A", body: "B", requester, priority: "high", tags: ["a", "b"] })).toEqual({
      subject: "A",
      body: "B",
      name: "",
      email: "rosa@example.com",
      priority: "high",
      category: "",
      tags: "a, b",
    });
  });
});
