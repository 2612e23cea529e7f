#ifndef C_FUZZER_H
#define C_FUZZER_H

#include <stddef.h>
#include <stdint.h>

/// The driver of libFuzzer without its `main`: calls `one_input` with bytes that it makes up, until
/// a limit of its arguments is reached or the process ends. Source: LLVM, "libFuzzer", "Using
/// libFuzzer as a library".
int LLVMFuzzerRunDriver(int *_Nonnull count,
                        char *_Nullable *_Nonnull *_Nonnull arguments,
                        int (*_Nonnull one_input)(const uint8_t *_Nullable bytes, size_t count));

#endif
