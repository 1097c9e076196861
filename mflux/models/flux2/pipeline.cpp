#include "mflux/models/flux2/pipeline.h"

#include "mflux/base/error.h"
#include "mflux/models/flux2/plan.h"

namespace mflux::flux2 {

Flux2KleinPipeline::Flux2KleinPipeline(const std::filesystem::path& folder, mx::Dtype dtype)
    : model_(read_model_folder(folder)), dtype_(dtype) {}

pipelines::Plan Flux2KleinPipeline::plan(const pipelines::Request& request) const {
  return plan_request(model_, request);
}

Image Flux2KleinPipeline::generate(const pipelines::Request&, const pipelines::Callbacks&) {
  throw Error("this build can plan a picture but not yet draw it");
}

} // namespace mflux::flux2
