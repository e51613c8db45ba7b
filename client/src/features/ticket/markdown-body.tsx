import Markdown from "react-markdown";

/** No raw HTML, no images from elsewhere: a mail must not be able to call home from an agent's screen. */
export function MarkdownBody({ text }: { text: string }) {
  return (
    <div className="prose-message">
      <Markdown
        disallowedElements={["img"]}
        components={{
          a: ({ href, children }) => (
            <a href={href} target="_blank" rel="noreferrer noopener">
              {children}
            </a>
          ),
        }}
      >
        {text}
      </Markdown>
    </div>
  );
}
