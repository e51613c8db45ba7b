import { Component, type ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { strings } from "./strings/strings";

/** Keeps a bug in one part of the screen from taking the rest, and unsent work, with it. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError(): { broken: boolean } {
    return { broken: true };
  }

  override render(): ReactNode {
    if (!this.state.broken) return this.props.children;
    return (
      <Notice
        alert
        title={strings.page.crashed}
        hint={strings.page.crashedHint}
        action={
          <Button variant="primary" onClick={() => window.location.reload()}>
            {strings.connection.reload}
          </Button>
        }
      />
    );
  }
}
