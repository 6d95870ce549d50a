/** Where drawing fails nothing is drawn: Ink by itself would show the source and the stack. */
import { Component, type ReactNode } from 'react';

interface Props {
  readonly onError: (error: Error) => void;
  readonly children: ReactNode;
}

export class Boundary extends Component<Props, { readonly failed: boolean }> {
  static getDerivedStateFromError() {
    return { failed: true };
  }
  override readonly state = { failed: false };

  override componentDidCatch(error: Error): void {
    this.props.onError(error);
  }

  override render(): ReactNode {
    return this.state.failed ? null : this.props.children;
  }
}
