#include "mflux/nn/attention.h"

#include "gtest/gtest.h"
#include "mflux/capture/tensors.h"
#include "mflux/weights/weights.h"
#include "support/fixture.h"

namespace mflux::nn {
namespace {

/// q, k, v of the four_blocks model's middle block, and what torch's attention made of them.
struct Reference {
  std::vector<testing::Checkpoint> dump =
      testing::read_dump(testing::fixture("vae/four_blocks") / "decode");

  const testing::Checkpoint& at(const std::string& leaf) const {
    return testing::find(dump, "vae.decoder.mid_block.attentions.0." + leaf);
  }

  double error_with(int max_scores) const {
    const auto mixed = attend(
        to_array(at("to_q").tensor),
        to_array(at("to_k").tensor),
        to_array(at("to_v").tensor),
        max_scores);
    return testing::relative_l2(capture::to_tensor(mixed), at("to_out.0.in").tensor);
  }
};

TEST(Attention, IsTorchs) {
  EXPECT_LE(Reference().error_with(1 << 24), 1e-6);
}

TEST(Attention, SlicesOfQueriesChangeNothing) {
  const Reference reference;
  for (const int max_scores : {1, 12, 60, 61, 143, 144}) {
    EXPECT_LE(reference.error_with(max_scores), 1e-6) << max_scores;
  }
}

} // namespace
} // namespace mflux::nn
