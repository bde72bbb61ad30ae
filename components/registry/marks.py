"""What is to be seen of a version wherever it is named: that a gate was waived, or that nobody can find its code again."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Marks:
    """Why a version is not like the others."""

    waived: bool
    """Its data were let through although the gate before training refused them."""
    forced: bool
    """It was deployed although something spoke against it."""
    git_commit: str | None
    git_dirty: bool
    """Files that it was made from are not in the commit as they were."""

    @property
    def words(self) -> tuple[str, ...]:
        """One for each reason; none where there is nothing to be said."""
        found = {"waived": self.waived, "forced": self.forced, "uncommitted": self.git_dirty or self.git_commit is None}
        return tuple(word for word, is_so in found.items() if is_so)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The same, each in full."""
        commit = f"files that are not in commit {self.git_commit[:7]}" if self.git_commit else "files that are in no commit"
        explained = {
            "waived": "the gate before training was waived for its data",
            "forced": "it was deployed with --force",
            "uncommitted": f"it was made from {commit}",
        }
        return tuple(explained[word] for word in self.words)
