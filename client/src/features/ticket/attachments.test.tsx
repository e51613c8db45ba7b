// @vitest-environment jsdom
import { act, fireEvent, screen, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { ProblemError } from "@/sync/problem-error";
import { stage } from "../../../tests/render-desk";
import { TicketPane } from "./ticket-pane";

let desk: Awaited<ReturnType<typeof stage>>;

beforeEach(async () => {
  desk = await stage(() => <TicketPane id={1} claimedBecause={null} onBack={() => {}} />);
});

const reply = () => screen.getByRole("textbox", { name: /^Reply to/ });
const file = (name: string, text = "0123456789") => new File([text], name);
const pick = (...files: File[]) =>
  fireEvent.change(screen.getByLabelText("Attach files", { selector: "input" }), { target: { files } });
const tray = () => within(within(composer()).getByRole("list", { name: "Attached files" }));
const composer = () => document.querySelector<HTMLElement>("[data-mode]") as HTMLElement;
const sent = () =>
  desk.server.journal.flatMap((record) => ("message" in record.event ? [record.event.message] : [])).at(-1);
const settle = () => act(async () => void (await Promise.resolve()));

describe("files with a message", () => {
  test("U1: picked, dropped and pasted files are sent at once and go with the message", async () => {
    pick(file("report.txt"));
    fireEvent.drop(composer(), { dataTransfer: { types: ["Files"], files: [file("photo.png")], items: [] } });
    fireEvent.paste(reply(), { clipboardData: { types: ["Files"], files: [file("shot.png")], items: [] } });
    await desk.advance(10);
    for (const name of ["report.txt", "photo.png", "shot.png"]) expect(tray().getByText(name)).toBeDefined();
    fireEvent.keyDown(reply(), { key: "Enter", ctrlKey: true });
    await desk.advance(100);
    expect(sent()?.attachments.map((attachment) => attachment.id)).toEqual(["f1", "f2", "f3"]);
    expect(within(composer()).queryByRole("list", { name: "Attached files" })).toBeNull();
  });

  test("U1: progress is shown, a message waits for its files, and each can be stopped", async () => {
    desk.wire.held = true;
    pick(file("slow.bin"), file("other.bin"));
    await desk.advance(10);
    expect(tray().getByRole("progressbar", { name: "slow.bin: 100 % sent" })).toBeDefined();
    fireEvent.change(reply(), { target: { value: "See the file" } });
    fireEvent.keyDown(reply(), { key: "Enter", ctrlKey: true });
    await desk.advance(100);
    expect(desk.announced).toContain("Files are still on their way.");
    expect((reply() as HTMLTextAreaElement).value).toBe("See the file");
    fireEvent.click(tray().getByRole("button", { name: "Stop sending slow.bin" }));
    await desk.advance(10);
    expect(desk.wire.cancelled).toEqual(["f1"]);
    await act(async () => desk.wire.release());
    await desk.advance(10);
    fireEvent.keyDown(reply(), { key: "Enter", ctrlKey: true });
    await desk.advance(100);
    expect(sent()?.attachments.map((attachment) => attachment.id)).toEqual(["f2"]);
  });

  test("U1: after a lost line it goes on where it stopped", async () => {
    desk.wire.cutAfter = 4;
    pick(file("cut.txt"));
    await desk.advance(30_000);
    await desk.advance(10);
    expect(tray().getByRole("button", { name: "Take cut.txt off" })).toBeDefined();
    expect(desk.wire.views.get("f1")?.received).toBe(10);
    expect(desk.wire.views.size).toBe(1);
  });

  test("U6: a refused file says why, and can be sent again or taken off", async () => {
    desk.wire.refuse = new ProblemError({ code: "too_many", status: 429, retryable: false });
    pick(file("one.txt"));
    await desk.advance(10);
    expect(tray().getByRole("alert").textContent).toMatch(/^Not sent: /);
    desk.wire.refuse = null;
    fireEvent.click(tray().getByRole("button", { name: "Send one.txt again" }));
    await desk.advance(10);
    fireEvent.click(tray().getByRole("button", { name: "Take one.txt off" }));
    await settle();
    expect(within(composer()).queryByRole("list", { name: "Attached files" })).toBeNull();
    expect(desk.wire.cancelled).toEqual(["f1"]);
  });

  test("C24: files belong to the draft, and come back with a refused message", async () => {
    pick(file("kept.txt"));
    await desk.advance(10);
    expect(desk.desk.drafts.get(1).files.map((kept) => kept.name)).toEqual(["kept.txt"]);
    expect([...desk.desk.drafts.tickets.get()]).toEqual([1]);
    fireEvent.keyDown(reply(), { key: "Enter", ctrlKey: true });
    await desk.advance(100);
    await act(() => desk.desk.uploads.giveBack(1, ["f1"]));
    expect(tray().getByText("kept.txt")).toBeDefined();
  });

  test("U4: a picture of a message opens large, everything else is saved", async () => {
    pick(file("photo.png"), file("notes.txt"));
    await desk.advance(10);
    fireEvent.change(reply(), { target: { value: "Here" } });
    fireEvent.keyDown(reply(), { key: "Enter", ctrlKey: true });
    const thread = within(screen.getByRole("region", { name: "Conversation" }));
    const link = thread.getByRole("link", { name: "Download notes.txt" });
    expect(link.getAttribute("href")).toBe("/api/v1/attachments/f2/content");
    fireEvent.click(thread.getByRole("button", { name: "Look at photo.png" }));
    const dialog = within(screen.getByRole("dialog", { name: "photo.png" }));
    expect(dialog.getByRole("img", { name: "photo.png" }).getAttribute("src")).toBe(
      "/api/v1/attachments/f1/content",
    );
  });
});
