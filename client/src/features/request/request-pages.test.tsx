// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, describe, expect, test } from "vitest";
import type { CreateRequest, RequestForm, RequestView } from "@/protocol/types";
import { ProblemError } from "@/sync/problem-error";
import type { RequestsApi } from "@/sync/requests";
import { ModelUploads } from "@/sync/testing/model-uploads";
import { RequestFormPage } from "./request-form-page";
import { RequestPage } from "./request-page";

const LIMITS = { message_files: 2, file_bytes: 20, message_bytes: 30 };

const FORM: RequestForm = {
  desk: "Test desk",
  title: "Help",
  intro: "Write to us.",
  fields: [
    { id: "plan", name: "Plan", kind: "choice", options: ["small", "large"], on_form: true, required: true },
    { id: "seats", name: "Seats", kind: "number", options: [], on_form: true, required: false },
  ],
  files: LIMITS,
};

const VIEW: RequestView = {
  desk: "Test desk",
  id: 7,
  subject: "Broken",
  state: "waiting",
  requester: "Rosa",
  created_at: "2026-01-05T08:00:00.000Z",
  follow_up_of: null,
  messages: [
    {
      id: "m1",
      own: true,
      author: "Rosa",
      body: "It broke.",
      body_format: "text",
      attachments: [],
      at: "2026-01-05T08:00:00.000Z",
    },
    {
      id: "m2",
      own: false,
      author: "Ada",
      body: "Which one?",
      body_format: "text",
      attachments: [],
      at: "2026-01-05T09:00:00.000Z",
    },
  ],
  files: LIMITS,
};

function refuse(code: "not_found" | "too_many", status: number): never {
  throw new ProblemError({ code, status, retryable: false });
}

/** Draws a page and waits for these words of it. */
async function draw(words: string, page: ReactNode) {
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      {page}
    </QueryClientProvider>,
  );
  await screen.findByText(words);
}

function api(over: Partial<RequestsApi> = {}): RequestsApi {
  return {
    form: async () => FORM,
    create: async () => ({ token: "hdr_secret", request: VIEW }),
    show: async () => VIEW,
    answer: async () => VIEW,
    solve: async () => VIEW,
    file: async () => new Blob(["bytes"]),
    uploads: new ModelUploads(),
    ...over,
  };
}

const press = (name: string) => act(async () => screen.getByRole("button", { name }).click());
const write = (name: string, value: string) =>
  fireEvent.change(screen.getByLabelText(name), { target: { value } });

afterEach(() => {
  window.location.hash = "";
});

describe("C63: the request form", () => {
  test("says what is missing beside it, and sends nothing", async () => {
    const sent: CreateRequest[] = [];
    await draw(
      "Write to us.",
      <RequestFormPage
        api={api({
          create: async (request) => {
            sent.push(request);
            return refuse("not_found", 404);
          },
        })}
      />,
    );
    write("Your email", "rosa");
    await press("Send");
    expect(sent).toEqual([]);
    for (const name of ["Your name", "Subject", "How can we help?"]) {
      expect(screen.getByRole("textbox", { name }).getAttribute("aria-invalid")).toBe("true");
    }
    expect(screen.getByRole("combobox", { name: "Plan" }).getAttribute("aria-invalid")).toBe("true");
    expect(screen.getByText("This is not an email address.")).toBeTruthy();
  });

  test("sends what was written, each field as its kind, and shows the private link", async () => {
    const sent: CreateRequest[] = [];
    await draw(
      "Write to us.",
      <RequestFormPage
        api={api({
          create: async (request) => {
            sent.push(request);
            return { token: "hdr_secret", request: VIEW };
          },
        })}
      />,
    );
    write("Your name", "Rosa");
    write("Your email", "rosa@example.org");
    write("Subject", "Broken");
    write("How can we help?", "It broke.");
    fireEvent.change(screen.getByRole("combobox", { name: "Plan" }), { target: { value: "large" } });
    write("Seats (optional)", "3,5");
    await press("Send");
    expect(sent).toEqual([
      {
        name: "Rosa",
        email: "rosa@example.org",
        subject: "Broken",
        body: "It broke.",
        custom: { plan: "large", seats: 3.5 },
        attachments: [],
        website: "",
      },
    ]);
    expect(screen.getByRole("heading", { name: "We have your request" })).toBe(document.activeElement);
    expect(screen.getByRole("link", { name: "Open my request" }).getAttribute("href")).toBe(
      "/request#hdr_secret",
    );
  });

  test("keeps what was written when it is refused", async () => {
    await draw(
      "Write to us.",
      <RequestFormPage
        api={api({
          form: async () => ({ ...FORM, fields: [] }),
          create: async () => refuse("too_many", 429),
        })}
      />,
    );
    write("Your name", "Rosa");
    write("Your email", "rosa@example.org");
    write("Subject", "Broken");
    write("How can we help?", "It broke.");
    await press("Send");
    expect(screen.getByRole("alert").textContent).toContain("Too much at once");
    expect(screen.getByRole<HTMLInputElement>("textbox", { name: "How can we help?" }).value).toBe(
      "It broke.",
    );
  });

  test("sent again because its answer was lost it is the same request, and in other words another one", async () => {
    const sent: string[] = [];
    const create: RequestsApi["create"] = async (_, key) => {
      sent.push(key);
      throw new ProblemError({ code: "unreachable", status: 0, retryable: true });
    };
    await draw(
      "Write to us.",
      <RequestFormPage api={api({ form: async () => ({ ...FORM, fields: [] }), create })} />,
    );
    write("Your name", "Rosa");
    write("Your email", "rosa@example.org");
    write("Subject", "Broken");
    write("How can we help?", "It broke.");
    await press("Send");
    await press("Send");
    write("Subject", "Broken again");
    await press("Send");
    expect(sent).toHaveLength(3);
    expect([sent[0] === sent[1], sent[1] === sent[2]]).toEqual([true, false]);
  });

  test("says when nothing can be written", async () => {
    await draw(
      "Nothing can be written here right now",
      <RequestFormPage api={api({ form: async () => refuse("not_found", 404) })} />,
    );
    expect(screen.getByText("Nothing can be written here right now")).toBeTruthy();
  });
});

describe("C64: a request by its private link", () => {
  test("is shown with who said what, and is answered and solved", async () => {
    window.location.hash = "#hdr_secret";
    const said: string[] = [];
    await draw(
      "We need your answer",
      <RequestPage
        body={(message) => <p>{message.body}</p>}
        api={api({
          answer: async (token, text, files) => {
            said.push(`${token}: ${text}${files.join()}`);
            return { ...VIEW, state: "open", messages: [...VIEW.messages] };
          },
          solve: async () => ({ ...VIEW, state: "solved" }),
        })}
      />,
    );
    expect(screen.getByText("We need your answer")).toBeTruthy();
    const [first, second] = screen.getAllByRole("article");
    expect(first && within(first).getByText("You")).toBeTruthy();
    expect(second && within(second).getByText("Ada")).toBeTruthy();
    write("Your answer", "The red one.");
    await press("Send the answer");
    expect(said).toEqual(["hdr_secret: The red one."]);
    expect(screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Your answer" }).value).toBe("");
    await press("It is solved");
    expect(await screen.findByText("Solved")).toBeTruthy();
    expect(screen.queryByRole("button", { name: "It is solved" })).toBeNull();
  });

  test("says when the link does not work, and asks nothing without one", async () => {
    let asked = 0;
    await draw(
      "This link does not work",
      <RequestPage
        body={() => null}
        api={api({
          show: async () => {
            asked += 1;
            return VIEW;
          },
        })}
      />,
    );
    expect(screen.getByText("This link does not work")).toBeTruthy();
    expect(asked).toBe(0);
  });
});

const file = (name: string, text = "0123456789") => new File([text], name);
const pick = (...files: File[]) =>
  act(async () => {
    fireEvent.change(screen.getByLabelText("Attach files", { selector: "input" }), { target: { files } });
  });
const tap = (name: string) => act(async () => screen.getByText(name, { selector: "button" }).click());
const tray = () => within(screen.getByLabelText("Attached files", { selector: "ul" }));
const alerts = () => screen.queryAllByRole("alert").map((alert) => alert.textContent);

/** The form without fields of the desk's own, filled in but for its files. */
async function drawForm(wire: ModelUploads, create: RequestsApi["create"]) {
  const form = async () => ({ ...FORM, fields: [] });
  await draw("Write to us.", <RequestFormPage api={api({ form, create, uploads: wire })} />);
  write("Your name", "Rosa");
  write("Your email", "rosa@example.org");
  write("Subject", "Broken");
  write("How can we help?", "It broke.");
}

describe("C68: a customer's files", () => {
  const taken = { token: "hdr_secret", request: VIEW };

  test("are picked, dropped or pasted, sent at once, and go with the request", async () => {
    const sent: unknown[] = [];
    await drawForm(new ModelUploads(), async (request) => {
      sent.push(request.attachments);
      return taken;
    });
    await pick(file("one.txt"));
    const box = screen.getByLabelText("How can we help?");
    const dropped = { types: ["Files"], files: [file("photo.png")], items: [] };
    fireEvent.dragOver(box, { dataTransfer: dropped });
    expect(screen.getByText("Drop them to attach")).toBeTruthy();
    await act(async () => void fireEvent.drop(box, { dataTransfer: dropped }));
    expect(tray().getByText("photo.png")).toBeTruthy();
    await act(async () => tray().getByLabelText("Take one.txt off").click());
    const clipboardData = { types: ["Files"], files: [file("shot.png")], items: [] };
    await act(async () => void fireEvent.paste(box, { clipboardData }));
    await tap("Send");
    expect(sent).toEqual([["f2", "f3"]]);
  });

  test("hold the request until they are there, and are stopped", async () => {
    const wire = new ModelUploads();
    wire.held = true;
    const sent: unknown[] = [];
    await drawForm(wire, async (request) => {
      sent.push(request.attachments);
      return taken;
    });
    await pick(file("slow.bin"), file("other.bin"));
    expect(tray().getByRole("progressbar", { name: "slow.bin: 100 % sent" })).toBeTruthy();
    await tap("Send");
    expect(alerts()).toEqual(["Files are still on their way."]);
    await act(async () => tray().getByLabelText("Stop sending slow.bin").click());
    expect(wire.cancelled).toEqual(["f1"]);
    await act(async () => wire.release());
    await tap("Send");
    expect(sent).toEqual([["f2"]]);
  });

  test("are refused in words before anything is sent", async () => {
    const wire = new ModelUploads();
    await drawForm(wire, async () => taken);
    await pick(file("empty.txt", ""));
    expect(alerts()).toEqual(["empty.txt is empty."]);
    await pick(file("large.txt", "x".repeat(21)));
    expect(alerts()).toEqual(["large.txt is too large: a file has at most 20 byte."]);
    await pick(file("a"), file("b"), file("c"));
    expect(alerts()).toEqual(["At most 2 files go with one message."]);
    await pick(file("a", "x".repeat(16)), file("b", "x".repeat(16)));
    expect(alerts()[0]).toMatch(/^Together the files are too large/);
    expect(wire.views.size).toBe(0);
    await pick(file("fits.txt"));
    expect(alerts()).toEqual([]);
  });

  test("that failed are never left out in silence", async () => {
    const wire = new ModelUploads();
    wire.refuse = new ProblemError({ code: "storage_full", status: 507, retryable: false });
    let sent = 0;
    await drawForm(wire, async () => {
      sent += 1;
      return taken;
    });
    await pick(file("one.txt"));
    expect(tray().getByRole("alert").textContent).toMatch(/^Not sent: The server is out of space/);
    await tap("Send");
    expect(alerts()).toContain("A file could not be sent. Send it again or take it off.");
    expect(sent).toBe(0);
    wire.refuse = null;
    await act(async () => tray().getByLabelText("Send one.txt again").click());
    await tap("Send");
    expect(sent).toBe(1);
  });

  test("that waited too long are named and taken off, and what was written stays", async () => {
    await drawForm(new ModelUploads(), () => {
      const errors = [{ pointer: "/attachments/1", code: "unknown_value", detail: "" }];
      throw new ProblemError({ code: "invalid_field", status: 422, retryable: false, errors });
    });
    await pick(file("kept.txt"), file("gone.txt"));
    await tap("Send");
    expect(alerts()[0]).toMatch(/gone\.txt\. Please attach them again/);
    expect(tray().queryByText("gone.txt")).toBeNull();
    expect(tray().getByText("kept.txt")).toBeTruthy();
    expect(screen.getByLabelText<HTMLInputElement>("Subject").value).toBe("Broken");
  });

  test("are answered with, alone if need be, and are not offered where the desk takes none", async () => {
    window.location.hash = "#hdr_secret";
    const said: unknown[] = [];
    const answer: RequestsApi["answer"] = async (_, text, files) => {
      said.push([text, files]);
      return { ...VIEW, files: null };
    };
    await draw("We need your answer", <RequestPage body={() => null} api={api({ answer })} />);
    await pick(file("one.txt"));
    await tap("Send the answer");
    // The answer is drawn in a turn of its own.
    await waitFor(() => {
      expect(said).toEqual([["", ["f1"]]]);
      expect(screen.queryByLabelText("Attached files")).toBeNull();
      expect(screen.queryByText("Attach files")).toBeNull();
    });
  });

  test("that the desk sent are saved by the link, and a failure is said", async () => {
    window.location.hash = "#hdr_secret";
    const asked: string[] = [];
    const attachment = { name: "a.pdf", media_type: "application/pdf", bytes: 9, sha256: "" };
    const messages = VIEW.messages.map((message) => ({
      ...message,
      attachments: [{ ...attachment, id: "f9" }],
    }));
    const saved: string[] = [];
    URL.createObjectURL = (blob) => `blob:${(blob as Blob).type}`;
    const click = HTMLAnchorElement.prototype.click;
    HTMLAnchorElement.prototype.click = function save(this: HTMLAnchorElement) {
      saved.push(`${this.download} ${this.href}`);
    };
    const view = { ...VIEW, messages: messages.slice(1) };
    const wanted: RequestsApi["file"] = async (token, id, what) => {
      asked.push(`${token} ${id} ${what}`);
      if (asked.length > 1) return refuse("not_found", 404);
      return new Blob(["%PDF"], { type: "text/html" });
    };
    const page = <RequestPage body={() => null} api={api({ show: async () => view, file: wanted })} />;
    await draw("We need your answer", page);
    await press("Download a.pdf");
    expect(saved).toEqual(["a.pdf blob:application/octet-stream"]);
    await press("Download a.pdf");
    expect(alerts()).toEqual(["It is not there any more."]);
    expect(asked).toEqual(["hdr_secret f9 content", "hdr_secret f9 content"]);
    HTMLAnchorElement.prototype.click = click;
  });
});
