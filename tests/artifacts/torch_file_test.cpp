#include "mflux/artifacts/torch_file.h"

#include <fmt/format.h>

#include "artifacts/goldens.h"
#include "artifacts/pickle_bytes.h"
#include "gmock/gmock.h"
#include "mflux/artifacts/torch_tensors.h"
#include "mflux/artifacts/zip_writer.h"
#include "mflux/base/atomic_file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::artifacts {
namespace {

using namespace std::string_literals;
using namespace pickled;
using mflux::testing::error_of;
using mflux::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Files = std::vector<std::pair<std::string, std::string>>;

class TorchFileTest : public ::testing::Test {
 protected:
  std::unique_ptr<Artifact> open(const Files& files) const {
    AtomicFile file(folder / "x.pt");
    ZipWriter zip(file);
    for (const auto& [name, content] : files) {
      const auto write = [&bytes = content](const auto& take) { take(as_bytes(bytes)); };
      zip.add("x/" + name, content.size(), false, write);
    }
    zip.finish();
    file.commit();
    return open_artifact(folder / "x.pt");
  }

  /// Of a file whose storage 0 has twelve bytes: 0, 1, 2, …
  std::unique_ptr<Artifact> open(const std::string& value) const {
    std::string bytes;
    for (char i = 0; i < 12; ++i) {
      bytes += i;
    }
    return open({{"data.pkl", done(value)}, {"data/0", bytes}});
  }

  std::string error(const std::string& value) const {
    return error_of([&] { open(value); });
  }

  /// The bytes of {"a": value}.
  std::vector<int> values(const std::string& value) const {
    const auto artifact = open(dict(text("a"), value));
    std::vector<int> out;
    for (const auto byte : bytes_of(artifact->load(0))) {
      out.push_back(static_cast<int>(byte));
    }
    return out;
  }

  std::vector<std::string> names(const std::string& value) const {
    std::vector<std::string> out;
    const auto artifact = open(value);
    for (const auto& info : artifact->tensors()) {
      out.push_back(info.name);
    }
    return out;
  }

  TemporaryFolder folder;
};

std::string bytes() {
  return storage("ByteStorage", "0", 12);
}

/// A tensor of bytes.
std::string view(
    int64_t offset, const std::vector<int64_t>& shape, const std::vector<int64_t>& stride) {
  const auto numbers = [](const std::vector<int64_t>& values) {
    std::string out = "(";
    for (const auto value : values) {
      out += whole(value);
    }
    return out + "t";
  };
  return tensor(bytes(), offset, numbers(shape), numbers(stride));
}

TEST_F(TorchFileTest, RefusesWhatTorchWroteByName) {
  const auto refused = [](const std::string& what) {
    const std::string file = "refused_torch_" + what + ".pt";
    const auto message = error_of([&] { open_artifact(golden(file)); });
    EXPECT_THAT(message, HasSubstr(file + ": "));
    return message;
  };
  EXPECT_THAT(
      refused("system"),
      AllOf(
          HasSubstr("posix.system: nothing in a file is ever executed"),
          HasSubstr("torch.save({\"name\"")));
  EXPECT_THAT(refused("eval"), HasSubstr("builtins.eval"));
  EXPECT_THAT(
      refused("module"),
      AllOf(HasSubstr("torch.nn.modules.linear.Linear"), HasSubstr("model.state_dict()")));
  EXPECT_THAT(
      refused("legacy"), AllOf(HasSubstr("before 1.6"), HasSubstr("torch.save(torch.load(file")));
  EXPECT_THAT(refused("script"), AllOf(HasSubstr("TorchScript"), HasSubstr("torch.jit.load")));
  EXPECT_THAT(refused("sparse"), AllOf(HasSubstr("_rebuild_sparse"), HasSubstr("x.to_dense()")));
  EXPECT_THAT(refused("quantized"), AllOf(HasSubstr("_qtensor"), HasSubstr("x.dequantize()")));
  EXPECT_THAT(refused("complex32"), AllOf(HasSubstr("a: "), HasSubstr("to(torch.complex64)")));
  EXPECT_THAT(refused("conjugate"), AllOf(HasSubstr("\"conj\""), HasSubstr("resolve_conj()")));
  EXPECT_THAT(refused("storage"), HasSubstr("a is a bare storage"));
  EXPECT_THAT(refused("meta"), HasSubstr("meta device"));
  EXPECT_THAT(refused("numpy"), AllOf(HasSubstr("multiarray.scalar"), HasSubstr("from_numpy")));
  EXPECT_THAT(refused("twice"), HasSubstr("two tensors are named a.b"));
  EXPECT_THAT(refused("key"), HasSubstr("a key of the whole file is a tuple"));
}

TEST_F(TorchFileTest, OtherPicklesAreRefused) {
  write_file(folder / "a.pkl", "\x80\x04N.");
  EXPECT_THAT(
      error_of([&] { open_artifact(folder / "a.pkl"); }), HasSubstr("a bare Python pickle"));
  write_file(folder / "a.pt", std::string(257, 'a') + "ustar" + std::string(250, '\0'));
  EXPECT_THAT(error_of([&] { open_artifact(folder / "a.pt"); }), HasSubstr("before 1.6"));
}

TEST_F(TorchFileTest, ASafetensorsHeaderMayBeginLikeAPickle) {
  std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  header.resize(0x280, ' '); // its length is 80 02 00 …
  std::string file;
  append(file, static_cast<uint64_t>(header.size()));
  write_file(folder / "a.safetensors", file + header + "x");
  EXPECT_EQ(open_artifact(folder / "a.safetensors")->tensors().size(), 1u);
}

TEST_F(TorchFileTest, ViewsKeepInsideTheirStorage) {
  EXPECT_THAT(values(view(2, {2, 3}, {3, 1})), ElementsAre(2, 3, 4, 5, 6, 7));
  EXPECT_THAT(values(view(1, {2, 2}, {1, 9})), ElementsAre(1, 10, 2, 11));
  EXPECT_THAT(values(view(11, {3, 1}, {0, 99})), ElementsAre(11, 11, 11));
  EXPECT_THAT(values(view(11, {}, {})), ElementsAre(11));
  EXPECT_THAT(values(view(99, {0, 4}, {4, 1})), ElementsAre());
  EXPECT_THAT(
      error(view(1, {2, 2}, {1, 10})),
      AllOf(HasSubstr("[2, 2]"), HasSubstr("[1, 10]"), HasSubstr("outside its storage of 12")));
  EXPECT_THAT(error(view(12, {1}, {1})), HasSubstr("outside its storage"));
  EXPECT_THAT(error(view(0, {13}, {1})), HasSubstr("outside its storage"));
  EXPECT_THAT(error(view(0, {3, 2}, {INT64_MAX, 1})), HasSubstr("outside its storage"));
  EXPECT_THAT(error(view(INT64_MAX, {2}, {1})), HasSubstr("outside its storage"));
  EXPECT_THAT(error(view(-1, {1}, {1})), HasSubstr("storage offset is -1, expected a whole"));
  EXPECT_THAT(error(view(0, {2}, {-1})), HasSubstr("its stride is -1"));
  EXPECT_THAT(error(view(0, {-2}, {1})), HasSubstr("its shape is -2"));
  EXPECT_THAT(error(view(0, {2}, {1, 1})), HasSubstr("shape has 1 axes and its stride 2"));
  EXPECT_THAT(error(view(0, {INT64_MAX, INT64_MAX}, {0, 0})), HasSubstr("more than 2^63 elements"));
  EXPECT_THAT(error(view(0, {kMaxExpanded + 1}, {0})), HasSubstr("expands 12 elements"));
  EXPECT_THAT(
      error(view(0, std::vector<int64_t>(65, 1), std::vector<int64_t>(65, 1))),
      HasSubstr("65 axes"));
}

TEST_F(TorchFileTest, StoragesAreThereAndWhole) {
  const auto one = [](const std::string& claim) {
    return tensor(claim, 0, tuple(whole(1)), tuple(whole(1)));
  };
  EXPECT_THAT(
      error(one(storage("ByteStorage", "1", 12))), HasSubstr("data/1, is not in the archive"));
  EXPECT_THAT(
      error(one(storage("FloatStorage", "0", 2))),
      HasSubstr("data/0, should have 8 bytes, the archive has 12"));
  EXPECT_THAT(
      error(one(storage("DoubleStorage", "0", INT64_MAX))), HasSubstr("9223372036854775807"));
  EXPECT_THAT(error(one(storage("QInt8Storage", "0", 12))), HasSubstr("x.dequantize()"));
  EXPECT_THAT(error(one(storage("Tensor", "0", 12))), HasSubstr("no storage class"));
  EXPECT_THAT(error(one("N")), HasSubstr("its storage is None"));
  EXPECT_THAT(error(one(tuple(text("storage")) + "Q")), HasSubstr("its storage is not"));
  EXPECT_THAT(error(one(storage("storage\nUntyped", "0", 12))), HasSubstr("refers to"));
}

TEST_F(TorchFileTest, CallsMustMakeTensors) {
  EXPECT_THAT(
      error(call(global("torch._utils", "_rebuild_tensor_v2"), ")")),
      HasSubstr("is given 0 arguments, expected at least 6"));
  EXPECT_THAT(
      error(call(global("torch._utils", "_rebuild_parameter"), tuple("N"s))),
      HasSubstr("expected a tensor, got None"));
  EXPECT_THAT(error(call(global("torch", "float32"), ")")), HasSubstr("torch.float32 makes no"));
  EXPECT_THAT(error(global("torch", "Tensor")), HasSubstr("is torch.Tensor, no tensor"));
  EXPECT_THAT(
      error(call(
          global("torch._tensor", "_rebuild_from_type_v2"),
          tuple(
              global("torch._utils", "_rebuild_tensor_v2"),
              global("torch", "Size"),
              std::string(")"),
              "N"s))),
      HasSubstr("class torch.Size is not read"));
  std::string nested = view(0, {1}, {1});
  const std::string parameter = global("torch._utils", "_rebuild_parameter");
  std::string before;
  for (int i = 0; i < 100000; ++i) {
    before += parameter;
    nested += "\x85R";
  }
  EXPECT_THAT(error(before + nested), HasSubstr("wrapped too often"));
}

TEST_F(TorchFileTest, NamesFollowDictsAndLists) {
  const std::string x = view(0, {1}, {1});
  EXPECT_THAT(
      names(dict(text("z"), x, text("a"), list(x, dict(whole(-2), x), tuple(x, "N"s)))),
      ElementsAre("z", "a.0", "a.1.-2", "a.2.0"));
  EXPECT_THAT(names(x), ElementsAre("x")) << "the file's stem";
  EXPECT_THAT(error(dict(text("a.b"), x, text("a"), dict(text("b"), x))), HasSubstr("named a.b"));
  EXPECT_THAT(error(dict(text("a\0b"s), x)), HasSubstr("NUL"));
  EXPECT_THAT(error(dict(text("\xff"), x)), HasSubstr("UTF-8"));
  EXPECT_THAT(error(dict("N"s, x)), HasSubstr("is None, expected text or a whole number"));
}

TEST_F(TorchFileTest, NumbersAreArraysAsNumPyMakesThem) {
  const auto shown = [&](const std::string& value) {
    const auto artifact = open(dict(text("a"), value));
    const auto& info = artifact->tensors().at(0);
    return fmt::format("{}{}", name_of(info.dtype), to_string(info.shape));
  };
  const std::string real = "G\x3f\xf8\0\0\0\0\0\0"s, large = "\x8a\x09\0\0\0\0\0\0\0\x80\0"s;
  EXPECT_EQ(shown(whole(3)), "int64[]");
  EXPECT_EQ(shown("\x88"), "bool[]");
  EXPECT_EQ(shown(real), "float64[]");
  EXPECT_EQ(shown(large), "uint64[]");
  EXPECT_EQ(shown(list(whole(1), real)), "float64[2]");
  EXPECT_EQ(shown(tuple(whole(1), "\x88"s)), "int64[2]");
  EXPECT_EQ(shown(list(large, whole(1))), "uint64[2]");
  EXPECT_EQ(shown(list(large, whole(-1))), "float64[2]");
  EXPECT_THAT(values(whole(0x0102)), ElementsAre(2, 1, 0, 0, 0, 0, 0, 0));
}

TEST_F(TorchFileTest, NestingAndSharingAreBounded) {
  EXPECT_THAT(error("]q\1h\1a"), HasSubstr("nested over 100 deep"));
  EXPECT_THAT(error(std::string(200, ']') + std::string(199, 'a')), HasSubstr("nested over 100"));
  // 3,000 times the same list of 3,000.
  std::string many = "(" + std::string(3000, 'N') + "lq\1" + "0(";
  for (int i = 0; i < 3000; ++i) {
    many += "h\1";
  }
  EXPECT_THAT(error(many + "l"), HasSubstr("the file holds over"));
  // One long key in many places.
  std::string keys = text(std::string(1 << 20, 'k')) + "q\1" + "0]";
  for (int i = 0; i < 1000; ++i) {
    keys += "}h\1Nsa";
  }
  EXPECT_THAT(error(keys), HasSubstr("the names take over"));
}

TEST_F(TorchFileTest, TheArchiveMustFit) {
  const std::string pickle = done(dict(text("a"), view(0, {1}, {1})));
  const std::string data(12, 'd');
  const auto refused = [&](const Files& files) { return error_of([&] { open(files); }); };
  EXPECT_THAT(
      refused({{"data.pkl", pickle}, {"data/0", data}, {"byteorder", "middle"}}),
      HasSubstr("byteorder is \"middle\", expected little or big"));
  EXPECT_THAT(
      refused({{"data.pkl", pickle}, {"data/0", data}, {"y/data.pkl", pickle}}),
      HasSubstr("both x/data.pkl and x/y/data.pkl"));
  EXPECT_THAT(refused({{"data.pkl", pickle}, {"code/a.py", ""}}), HasSubstr("TorchScript"));
  EXPECT_EQ(
      open({{"data.pkl", pickle}, {"data/0", data}, {"byteorder", "big"}})->load(0).swapped, false);
}

TEST_F(TorchFileTest, ADamagedStorageIsFoundWhenItIsRead) {
  open(dict(text("a"), view(0, {1}, {1})));
  std::string file = read_file(folder / "x.pt");
  const size_t at = file.find("\1\2\3\4\5\6\7");
  file[at] = 'x';
  write_file(folder / "x.pt", file);
  const auto artifact = open_artifact(folder / "x.pt");
  EXPECT_THAT(
      error_of([&] { artifact->load(0); }), AllOf(HasSubstr("x.pt: a: "), HasSubstr("checksum")));
}

} // namespace
} // namespace mflux::artifacts
