//! MongoDB's names and numbers for why a request is refused: those of 5.0.

macro_rules! reasons {
    ($($name:ident = $code:literal,)*) => {
        /// Why a request was refused, by MongoDB's name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "the names are MongoDB's code names")]
        pub enum Reason {
            $($name,)*
            /// tallymap's own: an index of a kind that can be read but not maintained.
            UnsupportedIndex,
            /// tallymap's own: a document that is longer than its capped collection.
            DocTooLargeForCapped,
            /// A place in the server that has a number and no name.
            Location(i32),
        }

        impl Reason {
            /// Its number.
            pub fn code(self) -> i32 {
                match self {
                    $(Reason::$name => $code,)*
                    Reason::UnsupportedIndex => Reason::CannotCreateIndex.code(),
                    Reason::DocTooLargeForCapped => Reason::BadValue.code(),
                    Reason::Location(code) => code,
                }
            }

            /// Its name; `Location…` for what has only a number.
            pub fn name(self) -> String {
                match self {
                    $(Reason::$name => stringify!($name).to_owned(),)*
                    Reason::UnsupportedIndex => Reason::CannotCreateIndex.name(),
                    Reason::DocTooLargeForCapped => Reason::BadValue.name(),
                    Reason::Location(code) => format!("Location{code}"),
                }
            }
        }
    };
}

reasons! {
    InternalError = 1,
    BadValue = 2,
    NoSuchKey = 4,
    GraphContainsCycle = 5,
    HostUnreachable = 6,
    FailedToParse = 9,
    UserNotFound = 11,
    UnsupportedFormat = 12,
    Unauthorized = 13,
    TypeMismatch = 14,
    Overflow = 15,
    InvalidLength = 16,
    ProtocolError = 17,
    AuthenticationFailed = 18,
    IllegalOperation = 20,
    InvalidBSON = 22,
    LockTimeout = 24,
    NamespaceNotFound = 26,
    IndexNotFound = 27,
    PathNotViable = 28,
    RoleNotFound = 31,
    CannotBackfillArray = 34,
    FileStreamFailed = 39,
    ConflictingUpdateOperators = 40,
    CursorNotFound = 43,
    UserDataInconsistent = 45,
    NamespaceExists = 48,
    MaxTimeMSExpired = 50,
    DollarPrefixedFieldName = 52,
    InvalidIdField = 53,
    NotSingleValueField = 54,
    InvalidDBRef = 55,
    EmptyFieldName = 56,
    DottedFieldName = 57,
    CommandNotFound = 59,
    ImmutableField = 66,
    CannotCreateIndex = 67,
    IndexAlreadyExists = 68,
    InvalidOptions = 72,
    InvalidNamespace = 73,
    UnknownReplWriteConcern = 79,
    IndexOptionsConflict = 85,
    IndexKeySpecsConflict = 86,
    OperationFailed = 96,
    DBPathInUse = 98,
    NotExactValueField = 111,
    CommandNotSupported = 115,
    NamespaceNotSharded = 118,
    DocumentValidationFailure = 121,
    NotAReplicaSet = 123,
    CappedPositionLost = 136,
    ExceededMemoryLimit = 146,
    DurationOverflow = 159,
    IncompatibleCollationVersion = 161,
    ViewDepthLimitExceeded = 165,
    CommandNotSupportedOnView = 166,
    OptionNotSupportedOnView = 167,
    InvalidPipelineOperator = 168,
    CannotIndexParallelArrays = 171,
    QueryPlanKilled = 175,
    AmbiguousIndexKeyPattern = 181,
    InvalidViewDefinition = 182,
    ViewPipelineMaxSizeExceeded = 195,
    InvalidIndexSpecificationOption = 197,
    InvalidUUID = 207,
    QueryFeatureNotAllowed = 224,
    ConversionFailure = 241,
    NoQueryExecutionPlans = 291,
    QueryExceededMemoryLimitNoDiskUseAllowed = 292,
    APIVersionError = 322,
    APIStrictError = 323,
    CannotGrowDocumentInCappedNamespace = 10003,
    NotWritablePrimary = 10107,
    BSONObjectTooLarge = 10334,
    DuplicateKey = 11000,
    Interrupted = 11601,
    OutOfDiskSpace = 14031,
}
