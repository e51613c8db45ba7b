// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, fireEvent, render, screen, within } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, describe, expect, test } from "vitest";
import type { CreateRequest, RequestForm, RequestView } from "@/protocol/types";
import { ProblemError } from "@/sync/problem-error";
import type { RequestsApi } from "@/sync/requests";
import { RequestFormPage } from "./request-form-page";
import { RequestPage } from "./request-page";

const FORM: RequestForm = {
  desk: "Test desk",
  title: "Help",
  intro: "Write to us.",
  fields: [
    { id: "plan", name: "Plan", kind: "choice", options: ["small", "large"], on_form: true, required: true },
    { id: "seats", name: "Seats", kind: "number", options: [], on_form: true, required: false },
  ],
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
      at: "2026-01-05T08:00:00.000Z",
    },
    {
      id: "m2",
      own: false,
      author: "Ada",
      body: "Which one?",
      body_format: "text",
      at: "2026-01-05T09:00:00.000Z",
    },
  ],
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
    ...over,
  };
}

const press = (name: string) => act(async () => screen.getByRole("button", { name }).click());
const write = (name: string, value: string) =>
  fireEvent.change(screen.getByRole("textbox", { name }), { target: { value } });

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
          answer: async (token, text) => {
            said.push(`${token}: ${text}`);
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
