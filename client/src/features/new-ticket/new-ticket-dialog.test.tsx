// @vitest-environment jsdom
import { act, fireEvent, screen } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { TicketForms } from "@/desk/ticket-forms";
import { stage } from "../../../tests/render-desk";
import { NewTicketDialog } from "./new-ticket-dialog";

let desk: Awaited<ReturnType<typeof stage>>;
let created: number[];

beforeEach(async () => {
  created = [];
  desk = await stage(() => (
    <NewTicketDialog onClose={() => {}} onCreated={(id) => created.push(id)} onAgain={() => {}} />
  ));
});

const field = (name: string) => screen.getByRole("textbox", { name });
const write = (name: string, value: string) => fireEvent.change(field(name), { target: { value } });
const submit = () => act(async () => screen.getByRole("button", { name: /Create the ticket/ }).click());

describe("C41: a new ticket", () => {
  test("is opened as filled in, and shown", async () => {
    write("Subject", "A leak");
    write("What is it about?", "Water everywhere");
    write("Requester's email", "rosa@example.com");
    write("Tags", "Water, cellar");
    fireEvent.change(screen.getByRole("combobox", { name: "Priority" }), { target: { value: "urgent" } });
    await submit();
    await desk.advance(100);
    expect(created).toEqual([3]);
    expect(desk.server.tickets.get(3)).toMatchObject({
      subject: "A leak",
      priority: "urgent",
      tags: ["water", "cellar"],
      requester: { name: "rosa@example.com", email: "rosa@example.com" },
    });
  });

  test("says what is missing beside it, and sends nothing", async () => {
    write("Requester's email", "nobody");
    await submit();
    expect(field("Subject").getAttribute("aria-invalid")).toBe("true");
    expect(screen.getByText("This is not an email address.")).toBeDefined();
    await desk.advance(100);
    expect(desk.server.tickets.size).toBe(2);
  });

  test("that is refused stays as it was written, with the reason", async () => {
    write("Subject", "refuse me");
    write("What is it about?", "Something");
    write("Requester's email", "rosa@example.com");
    await submit();
    await desk.advance(100);
    expect(screen.getByRole("alert").textContent).toBe("A value is not allowed there.");
    expect((field("Subject") as HTMLInputElement).value).toBe("refuse me");
    expect(desk.storage.get("hotdesk.new-ticket.ada")).toContain("refuse me");
  });

  test("that waits for the line is not offered again, nor does its success take the next one away", async () => {
    desk.server.up = false;
    desk.server.hangUpAll(1006);
    await desk.advance(50);
    write("Subject", "A leak");
    write("What is it about?", "Water everywhere");
    write("Requester's email", "rosa@example.com");
    await submit();
    const forms = new TicketForms(desk.storage, "ada");
    expect(forms.first().subject).toBe("");
    const next = { ...forms.first(), subject: "The next one" };
    forms.write(forms.first(), next);
    desk.server.up = true;
    await desk.advance(60_000);
    expect(desk.server.tickets.get(3)).toMatchObject({ subject: "A leak" });
    expect(forms.first()).toEqual(next);
  });
});
