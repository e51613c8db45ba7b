// @vitest-environment jsdom
import { fireEvent, screen, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { stage } from "../../../tests/render-desk";
// Drawn lazily: the first test that opens it would wait for it against the clock.
import "./relate-dialog";
import { TicketPane } from "./ticket-pane";

let desk: Awaited<ReturnType<typeof stage>>;

beforeEach(async () => {
  desk = await stage(() => <TicketPane id={1} claimedBecause="Oldest of all" onBack={() => {}} />);
});

const reply = () => screen.getByRole("textbox", { name: /^Reply to/ }) as HTMLTextAreaElement;
const write = (body: string) => fireEvent.change(reply(), { target: { value: body } });
const send = () => fireEvent.keyDown(reply(), { key: "Enter", ctrlKey: true });
const conversation = () => within(screen.getByRole("region", { name: "Conversation" }));

function colleagueSays(body: string, visibility: "public" | "internal" = "public"): void {
  desk.server.execute("bo", {
    t: "cmd",
    id: `bo-${body}`,
    ticket: 1,
    do: { type: "message", body, visibility },
  });
}

describe("the ticket's pane", () => {
  test("C29: says why the queue handed the ticket out", () => {
    expect(screen.getByText("Oldest of all")).toBeDefined();
  });

  test("C9: a reply is in the conversation at once, marked as on its way, and then only once", async () => {
    write("On my way");
    send();
    expect(conversation().getByText("On my way")).toBeDefined();
    expect(conversation().getByText("Sending…")).toBeDefined();
    expect(reply().value).toBe("");
    await desk.advance(100);
    expect(conversation().getAllByText("On my way")).toHaveLength(1);
    expect(conversation().queryByText("Sending…")).toBeNull();
  });

  test("C21: a reply that would pass a colleague's is held, with the colleague's words in sight", async () => {
    write("We cannot help");
    colleagueSays("Solved by phone");
    await desk.advance(100);
    const notice = within(screen.getByRole("region", { name: "bo wrote since you began" }));
    expect(notice.getByText("Solved by phone")).toBeDefined();
    send();
    await desk.advance(100);
    expect(reply().value).toBe("We cannot help");
    fireEvent.click(notice.getByRole("button", { name: "I have read it" }));
    send();
    await desk.advance(100);
    expect(conversation().getByText("We cannot help")).toBeDefined();
  });

  test("C21: one's own reply, that comes while one writes the next, holds nobody up", async () => {
    write("First");
    send();
    write("Second");
    await desk.advance(100);
    send();
    await desk.advance(100);
    expect(desk.server.tickets.get(1)?.message_count).toBe(3);
  });

  test("C21: a colleague's note holds nobody up", async () => {
    write("Here is the answer");
    colleagueSays("Good customer", "internal");
    await desk.advance(100);
    send();
    await desk.advance(100);
    expect(conversation().getByText("Here is the answer")).toBeDefined();
  });

  test("C24: what colleagues do never touches the draft", async () => {
    write("Half a sen");
    desk.server.execute("bo", { t: "cmd", id: "b1", ticket: 1, do: { type: "claim" } });
    colleagueSays("Hello");
    await desk.advance(100);
    expect(reply().value).toBe("Half a sen");
    expect(desk.storage.keys().filter((key) => key.startsWith("hotdesk.draft"))).toHaveLength(1);
  });

  test("C28: keys act on the ticket, but not while somebody is writing", async () => {
    fireEvent.keyDown(document.body, { key: "n" });
    const note = screen.getByRole("textbox", { name: "Internal note" });
    fireEvent.keyDown(note, { key: "e" });
    await desk.advance(100);
    expect(desk.server.tickets.get(1)?.status).toBe("new");
    fireEvent.keyDown(document.body, { key: "e" });
    await desk.advance(100);
    expect(desk.server.tickets.get(1)?.status).toBe("solved");
  });

  test("C28: a new message of a colleague is told to a screen reader once", async () => {
    colleagueSays("Hello");
    await desk.advance(100);
    desk.server.execute("bo", { t: "cmd", id: "b1", ticket: 1, do: { type: "update", tags: ["a"] } });
    await desk.advance(100);
    expect(desk.announced).toEqual(["New message from bo"]);
  });

  test("C11: offline, a reply says that it waits", async () => {
    desk.server.up = false;
    desk.server.hangUpAll(1006);
    await desk.advance(50);
    write("Later");
    send();
    expect(conversation().getByText("Waits for the connection")).toBeDefined();
  });

  test("C21: a reply that was taken back is held like any other", async () => {
    write("Later");
    desk.server.up = false;
    desk.server.hangUpAll(1006);
    await desk.advance(50);
    send();
    colleagueSays("Solved by phone");
    fireEvent.click(conversation().getByRole("button", { name: "Take back" }));
    expect(reply().value).toBe("Later");
    desk.server.up = true;
    await desk.advance(60_000);
    expect(screen.getByRole("region", { name: "bo wrote since you began" })).toBeDefined();
  });

  test("C42: M finds the other ticket and merges, at once and then for good", async () => {
    fireEvent.keyDown(document.body, { key: "m" });
    const find = await screen.findByRole("combobox", { name: /number, or words/ });
    fireEvent.change(find, { target: { value: "2" } });
    await screen.findByRole("option", { name: /printer is out/ });
    fireEvent.keyDown(find, { key: "Enter" });
    await desk.advance(0);
    expect(screen.getByRole("link", { name: "Merged into #2" })).toBeDefined();
    await desk.advance(100);
    expect(desk.server.tickets.get(1)).toMatchObject({ status: "closed", merged_into: 2 });
    expect(desk.desk.lastChange.get()?.commandId).toBeDefined();
  });

  test("C42: a link is shown with its kind, and is taken away where it stands", async () => {
    fireEvent.keyDown(document.body, { key: "l" });
    const kind = await screen.findByRole("combobox", { name: "How they stand to each other" });
    fireEvent.change(kind, { target: { value: "caused_by" } });
    const find = screen.getByRole("combobox", { name: /number, or words/ });
    fireEvent.change(find, { target: { value: "printer is out" } });
    fireEvent.click(await screen.findByRole("option", { name: /printer is out/ }));
    await desk.advance(100);
    expect(desk.server.tickets.get(1)?.links).toEqual([{ to: 2, kind: "caused_by" }]);
    fireEvent.click(screen.getByRole("button", { name: "Details" }));
    expect(await screen.findByText("Caused by")).toBeDefined();
    fireEvent.click(screen.getByRole("button", { name: "Remove the link to #2" }));
    await desk.advance(100);
    expect(desk.server.tickets.get(1)?.links).toEqual([]);
  });

  test("C46: a macro comes into the reply, filled in for this ticket", async () => {
    void desk.desk.macros.put(
      { id: "m", name: "Greeting", body: "Dear {{requester.name}} (#{{ticket.id}})," },
      "me",
    );
    await desk.advance(0);
    fireEvent.keyDown(screen.getByRole("button", { name: "Insert a macro" }), { key: "Enter" });
    fireEvent.click(await screen.findByRole("menuitem", { name: "Greeting" }));
    expect(reply().value).toBe("Dear Rosa Requester (#1),");
  });

  test("C46: @ offers colleagues in a note, and nobody in a reply", async () => {
    const type = (box: HTMLTextAreaElement, value: string) => {
      fireEvent.change(box, { target: { value, selectionStart: value.length } });
    };
    type(reply(), "@b");
    expect(screen.queryByRole("listbox")).toBeNull();
    fireEvent.keyDown(document.body, { key: "n" });
    const note = screen.getByRole("textbox", { name: "Internal note" }) as HTMLTextAreaElement;
    type(note, "Ask @b");
    expect(screen.getByRole("option", { name: /Bo Okafor/, selected: true })).toBeDefined();
    fireEvent.keyDown(note, { key: "Enter" });
    expect(note.value).toBe("Ask @Bo Okafor ");
  });

  test("C46: the preview shows what the requester will see", async () => {
    write("It is **done**");
    fireEvent.click(screen.getByRole("button", { name: "Preview" }));
    const preview = await screen.findByRole("region", { name: "Preview" });
    expect((await within(preview).findByText("done")).tagName).toBe("STRONG");
  });

  test("C46: what waits for the line can be taken back into the draft", async () => {
    desk.server.up = false;
    desk.server.hangUpAll(1006);
    await desk.advance(50);
    write("Too early");
    send();
    fireEvent.click(conversation().getByRole("button", { name: "Take back" }));
    await desk.advance(0);
    expect(reply().value).toBe("Too early");
    expect(conversation().queryByText("Too early")).toBeNull();
  });

  test("C53: what a colleague changed meanwhile stands until one decides between the two", async () => {
    desk.desk.conflicts.set(
      new Map([[1, { mine: { priority: "high" }, theirs: { priority: "low" }, by: "bo" }]]),
    );
    await desk.advance(0);
    const notice = within(screen.getByRole("alert", { name: "Bo Okafor changed #1 while you were offline" }));
    expect(notice.getByText("set priority to Low")).toBeDefined();
    expect(notice.getByText("set priority to High")).toBeDefined();
    fireEvent.click(notice.getByRole("button", { name: "Use mine" }));
    await desk.advance(100);
    expect(desk.server.tickets.get(1)?.priority).toBe("high");
    expect(screen.queryByRole("alert")).toBeNull();
  });
});
