// @vitest-environment jsdom
import { render, screen } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import { MarkdownBody } from "./markdown-body";

describe("C52: what others wrote", () => {
  test("shows no picture before a click, and says where it would come from", () => {
    const { container } = render(<MarkdownBody text="![A map](https://tracker.example/pixel.png)" />);
    expect(container.querySelector("img")).toBeNull();
    const link = screen.getByRole("link", { name: "Show the picture “A map” from tracker.example" });
    expect(link.getAttribute("rel")).toContain("noreferrer");
  });

  test("runs no script and follows no address that is one", () => {
    const { container } = render(
      <MarkdownBody
        text={"<script>alert(1)</script> [go](javascript:alert(1)) <img src=x onerror=alert(1)>"}
      />,
    );
    expect(container.querySelector("script, img")).toBeNull();
    expect(container.querySelector("a")?.getAttribute("href") ?? "").not.toContain("javascript");
  });

  test("keeps line breaks, and makes links of addresses", () => {
    const { container } = render(<MarkdownBody text={"One\nTwo https://example.com/a"} />);
    expect(container.querySelectorAll("br")).toHaveLength(1);
    expect(screen.getByRole("link", { name: "https://example.com/a" })).toBeDefined();
  });
});
