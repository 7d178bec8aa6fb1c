// SPDX-License-Identifier: LGPL-2.1-or-later
// gst-inference check: ONNX's test cases, each in a process of its own, so that none can take the
// others down.

#include "inference/formats/onnx_case.h"
#include "tools/command.h"
#include "tools/compile.h"
#include "tools/feed.h"
#include "tools/isolate.h"
#include "tools/load.h"

#include <algorithm>
#include <filesystem>
#include <iostream>

namespace infer::tools {
namespace {

namespace fs = std::filesystem;

constexpr OptionDef own_options[] = {
    {"rtol", "X", "how far a value may be off, relative to what it should be (default 1e-3)"},
    {"atol", "X", "and absolute (default 1e-5)"},
    {"timeout", "S", "seconds that one case may take (default 60)"},
};
constexpr auto options = join(std::to_array(own_options), device_options);

// Not a device: the plain kernels of inference/ops on the graph as the file has it.
constexpr std::string_view reference_device = "REFERENCE";

struct Check {
    Job job;
    float relative = 1e-3f, absolute = 1e-5f;
    double timeout_s = 60;
};

Result<Check> read_check(const Arguments& arguments) {
    Check check;
    const auto relative = arguments.number("rtol", 1e-3, 0),
               absolute = arguments.number("atol", 1e-5, 0),
               timeout = arguments.number("timeout", 60, 1);
    for (const auto* number : {&relative, &absolute, &timeout})
        if (!number->ok())
            return number->error();
    if (const auto read = read_options(arguments, Precision::F32, check.job); !read.ok())
        return read.error();
    check.job.options.hint = Hint::Latency;
    check.relative = float(relative.value());
    check.absolute = float(absolute.value());
    check.timeout_s = std::min(timeout.value(), 86400.0);
    return check;
}

bool is_case(const fs::path& folder) { return fs::exists(folder / "model.onnx"); }

// All cases at or below `root`, by name.
Result<std::vector<fs::path>> find_cases(const std::string& root) {
    std::error_code error;
    if (!fs::is_directory(root, error))
        return Error{Error::BadConfig, root,
                     "is not a folder; give one that holds ONNX test cases (model.onnx and "
                     "test_data_set_0/input_0.pb, output_0.pb ...)"};
    std::vector<fs::path> cases;
    if (is_case(root))
        cases.push_back(root);
    const auto may = fs::directory_options::skip_permission_denied;
    for (auto at = fs::recursive_directory_iterator(root, may, error);
         !error && at != fs::recursive_directory_iterator(); at.increment(error))
        if (at->is_directory(error) && is_case(at->path()))
            cases.push_back(at->path());
    if (cases.empty())
        return Error{Error::BadConfig, root,
                     "holds no ONNX test case (a folder with model.onnx and test_data_set_0)"};
    std::sort(cases.begin(), cases.end());
    return cases;
}

// Each output with memory of its own.
Result<std::vector<Tensor>> run_on_device(Graph& graph, const Job& job,
                                          const std::vector<Tensor>& inputs) {
    std::vector<std::string> names;
    for (ValueId v : graph.inputs)
        names.push_back(graph.value(v).name);
    auto executor = compile_graph(graph, job);
    if (!executor.ok())
        return executor.error();
    auto requests = executor.value()->make_requests(1);
    if (!requests.ok())
        return requests.error();
    Request request = std::move(requests.value()[0]);
    request.rows = all_rows(*executor.value());
    for (size_t k = 0; k < request.inputs.size(); k++) {
        const InputFormat& format = executor.value()->inputs()[k];
        const auto at = size_t(std::ranges::find(names, format.name) - names.begin());
        if (at == names.size())
            return Error{Error::Device, format.name, "is no input of the model"};
        if (const auto fed = feed(inputs[at], format, request.inputs[k]); !fed.ok())
            return fed.error();
    }
    if (const auto ran = run_once(*executor.value(), request); !ran.ok())
        return ran.error();
    std::vector<Tensor> outputs;
    for (const TensorView& view : request.outputs) {
        outputs.emplace_back(view.type, view.shape);
        const auto* bytes = static_cast<const std::byte*>(view.data);
        std::copy_n(bytes, view.size_bytes(), static_cast<std::byte*>(outputs.back().view().data));
    }
    return outputs;
}

std::string verdict_of(const Error& e) {
    return (e.kind == Error::Unsupported ? "unsupported " : "fail ") + e.text();
}

// "pass", "fail WHY" or "unsupported WHY".
std::string check_data(const OnnxCase& loaded, OnnxCase::DataSet data, const Check& check) {
    auto graph = graph_for(loaded, data);
    if (!graph.ok())
        return verdict_of(graph.error());
    const auto outputs = check.job.device == reference_device
                             ? run_reference(graph.value(), data.inputs)
                             : run_on_device(graph.value(), check.job, data.inputs);
    if (!outputs.ok())
        return verdict_of(outputs.error());
    if (outputs.value().size() != data.outputs.size())
        return "fail has " + std::to_string(outputs.value().size()) + " outputs, and " +
               std::to_string(data.outputs.size()) + " are given";
    for (size_t k = 0; k < data.outputs.size(); k++) {
        const std::string off = difference(outputs.value()[k], data.outputs[k], check.relative,
                                           check.absolute, data.stored[k]);
        if (!off.empty())
            return "fail output '" + loaded.declared.value(loaded.declared.outputs[k]).name + "' " +
                   off;
    }
    return "pass";
}

std::string check_case(const fs::path& folder, const Check& check) {
    const auto loaded = load_onnx_case(folder.string());
    if (!loaded.ok())
        return verdict_of(loaded.error());
    std::string verdict;
    for (const OnnxCase::DataSet& data : loaded.value().data)
        if (verdict = check_data(loaded.value(), data, check); verdict != "pass")
            break;
    return verdict;
}

// One line on stdout; which of pass, fail and unsupported it is.
std::string report(const fs::path& folder, const Isolated& result) {
    const std::string text = result.finished ? result.text : "fail " + result.text;
    const size_t space = std::min(text.find(' '), text.size());
    std::string why = text.substr(space);
    std::ranges::replace(why, '\n', ' ');
    const fs::path name =
        folder.has_filename() ? folder.filename() : folder.parent_path().filename();
    std::cout << text.substr(0, space) << " " << name.string() << (why.empty() ? "" : ":") << why
              << std::endl; // each at once: a run takes long
    return text.substr(0, space);
}

// Looks for the device in a process of its own: looking may start threads.
Result<void> check_device(const Check& check) {
    if (check.job.device == reference_device)
        return {};
    const Isolated looked = isolate(
        [&] {
            const auto there = infer::check_device(check.job.device, {find_device, all_devices});
            return there.ok() ? std::string() : there.error().text();
        },
        check.timeout_s);
    if (!looked.finished || !looked.text.empty())
        return Error{Error::BadConfig, "", looked.text};
    return {};
}

Result<ExitCode> run(const Arguments& arguments) {
    const auto check = read_check(arguments);
    if (!check.ok())
        return check.error();
    if (arguments.positional().empty())
        return Error{Error::BadConfig, "", "no folder of test cases is given"};
    std::vector<fs::path> cases;
    for (const std::string& root : arguments.positional()) {
        const auto found = find_cases(root);
        if (!found.ok())
            return found.error();
        cases.insert(cases.end(), found.value().begin(), found.value().end());
    }
    if (const auto device = check_device(check.value()); !device.ok())
        return device.error();
    std::map<std::string, int> counts;
    for (const fs::path& folder : cases)
        counts[report(folder, isolate([&] { return check_case(folder, check.value()); },
                                      check.value().timeout_s))]++;
    std::cout << counts["pass"] << " passed, " << counts["fail"] << " failed, "
              << counts["unsupported"] << " unsupported\n";
    return counts["fail"] ? Failed : Done;
}

} // namespace

extern const CommandDef command_check;
const CommandDef command_check = {
    {"check", "DIR...",
     "Runs ONNX's test cases: each DIR, or each folder below it, with model.onnx and\n"
     "test_data_set_N/input_K.pb, output_K.pb. --device REFERENCE runs the plain kernels that the\n"
     "devices are tested against.",
     options},
    run};

} // namespace infer::tools
