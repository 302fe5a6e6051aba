// The same promises as chat-local's, over a homeserver in memory; tests/integration has a real one.
#include "tests/plugins/chat_contract.h"

#include "tests/plugins/chat-matrix/matrix_backend.h"

namespace trunkline {
namespace {

INSTANTIATE_TEST_SUITE_P(Matrix, ChatContract,
                         ::testing::Values(MakeChatBackend{"chat-matrix",
                                                           [] { return std::make_unique<testing::MatrixBackend>(); }}));

}  // namespace
}  // namespace trunkline
