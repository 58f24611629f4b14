"""The Director's doors. They ask and show; they decide nothing."""
