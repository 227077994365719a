// The two kinds of error a user can cause; `main` turns them into exit codes 2 and 3 (docs/architecture.md).
#pragma once

#include <stdexcept>
#include <string>

namespace braggbench {

// A request that cannot be carried out as put: a bad option, recipe key or parameter value. Exit code 2.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A file or its content that cannot be used: missing, truncated, of another format, unwritable. Exit code 3.
struct DataError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace braggbench
