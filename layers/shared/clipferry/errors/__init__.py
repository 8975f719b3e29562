"""The error tree. A class's docstring is the sentence the caller reads; the detail stays in the log.

ClipferryError                       500
├── ReplayedError                    as it was
├── InvalidRequestError              400
│   ├── UnknownModelError            400
│   └── ModelRetiredError            400
├── UnauthorizedError                401
│   └── InvalidSignatureError        401
├── ForbiddenError                   403
│   └── KeyNotAllowedError           403
├── InsufficientCreditsError         402
├── KeyCapReachedError               402
├── NotFoundError                    404
│   ├── VideoNotFoundError           404
│   └── NoFileError                  404
├── MethodNotAllowedError            405
├── ConflictError                    409
│   ├── NotCancellableError          409
│   ├── TooManyKeysError             409
│   ├── IdempotencyKeyReusedError    409
│   └── OrderNumberTakenError        409
├── OriginalExpiredError             410
├── TooManyJobsError                 429
├── RateLimitedError                 429
├── NetworkError                     502   translated by whoever made the request
│   ├── RequestNotSentError          502   nothing was sent
│   └── NoAnswerError                502   sent, and no complete answer came
├── ProviderError                    502
│   ├── ProviderRefusedError         502   it said no: another may be asked
│   ├── ProviderUnreachableError     502   nothing was sent: another may be asked
│   ├── ProviderSilentError          502   sent, and the outcome is unknown: never send again
│   └── TaskNotFoundError            502
├── SourceError                      502   the provider's file
│   ├── SourceGoneError              502
│   ├── SourceInvalidError           502
│   └── NotAVideoError               502   it came whole, and is no film
│       └── WrongFileKindError       502   its first bytes say so: there is no point in fetching it again
├── StorageError                     503
├── QueueError                       503
├── DatabaseUnavailableError         503
│   └── DatabaseBusyError            503
└── ConfigurationError               500
    └── SecretsUnavailableError      503
"""

# The three modules hold nothing but errors, and a test compares them with the drawing.
from .base import *  # noqa: F403
from .client import *  # noqa: F403
from .server import *  # noqa: F403
