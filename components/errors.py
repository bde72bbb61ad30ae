"""Every error that Perennial raises on purpose. Whoever raises one writes the sentence; the class says what kind of thing went wrong.

PerennialError
├── SettingsError       a setting is missing, wrong or unknown
├── ModelFolderError    a model's folder is missing, incomplete or contradicts itself
├── EmulatorError       an emulator is not up, will not start, or its port is taken
├── AccessError         a service refuses the credentials, or cannot be reached
│   └── RefusedError          a receiver will never take what it was given; it may well take something else
├── SourceError         the data asked for is not there, or not as model.toml and schema.pbtxt say
├── RegistryError       rows or objects of the registry contradict what was asked
│   ├── UntoldError           what is there does not tell what was asked
│   ├── UnknownVersionError   the registry has no such model or version
│   ├── CorruptObjectError    an object of a version is missing, or has other bytes than were pushed
│   └── ConflictError         somebody else has recorded something else meanwhile
│       └── DoubledRunError   a second execution of a run that is under way
├── StorageFullError    a disk has no room
├── TaskError           a task of a pipeline failed
└── BlockedError        a gate refused the data or the model: nothing crashed, the run is over
"""


class PerennialError(Exception):
    """Base of all errors of ours. The text is one sentence for a person: what, which value, what to do."""


class SettingsError(PerennialError):
    """A setting is missing, wrong or unknown."""


class ModelFolderError(PerennialError):
    """A model's folder is missing, incomplete or contradicts itself."""


class EmulatorError(PerennialError):
    """An emulator is not up, will not start, or its port is taken."""


class AccessError(PerennialError):
    """A service refuses the credentials, or cannot be reached."""


class RefusedError(AccessError):
    """A receiver answers, and will never take what it was given; it may well take something else."""


class SourceError(PerennialError):
    """The data asked for is not there, or not as model.toml and schema.pbtxt say."""


class RegistryError(PerennialError):
    """Rows or objects of the registry contradict what was asked."""


class UnknownVersionError(RegistryError):
    """The registry has no such model or version; the text says which there are."""


class UntoldError(RegistryError):
    """What is there does not tell what was asked."""

    def __init__(self, sentence: str, *, is_final: bool) -> None:
        """Args:
        sentence: the text.
        is_final: whether asking again leads nowhere, as all that is there could be read.
        """
        super().__init__(sentence)
        self.is_final = is_final


class CorruptObjectError(RegistryError):
    """An object of a version is missing, or has other bytes than were pushed."""


class ConflictError(RegistryError):
    """What is to be recorded contradicts what is on record, or what somebody else has recorded meanwhile."""


class DoubledRunError(ConflictError):
    """The same run was submitted twice: this execution ends, and the run goes on in the other."""


class StorageFullError(PerennialError):
    """A disk has no room."""


class TaskError(PerennialError):
    """A task of a pipeline failed."""


class BlockedError(PerennialError):
    """A gate refused the data or the model: nothing crashed, the run is over."""
