#include "datasets/import_catalogue.hpp"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <map>
#include <memory>
#include <unordered_map>

#include "datasets/hdf5_image_file.hpp"
#include "datasets/import_hdf5.hpp"
#include "datasets/import_labels.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

constexpr const char* csv_name = "labels.csv";
constexpr const char* hollatz_name = "multiclasses.txt";

std::string lower_ending(fs::path path) {
    const auto lower = [](std::string text) {
        std::ranges::transform(text, text.begin(),
                               [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
        return text;
    };
    std::string ending = lower(path.extension().string());
    if (ending == ".gz" || ending == ".bz2") ending = lower(path.replace_extension().extension().string());
    return ending;
}

bool is_image_name(const fs::path& path) {
    constexpr std::array<std::string_view, 13> endings = {".png", ".pgm", ".tif", ".tiff", ".jpg", ".jpeg", ".cbf",
                                                          ".img", ".smv", ".h5",  ".hdf5", ".nxs", ".cxi"};
    return std::ranges::find(endings, lower_ending(path)) != endings.end();
}

// Of endings that no stack has the content is not looked at yet: that would open every file twice.
bool may_be_stack(const fs::path& path) {
    constexpr std::array<std::string_view, 9> single = {".png",  ".pgm", ".tif", ".tiff", ".jpg",
                                                        ".jpeg", ".cbf", ".img", ".smv"};
    return std::ranges::find(single, lower_ending(path)) == single.end();
}

// Files that lie beside images and are none.
bool is_companion(const fs::path& path) {
    constexpr std::array<std::string_view, 9> endings = {".csv",  ".txt",  ".tsv", ".md",  ".json",
                                                         ".toml", ".html", ".log", ".yaml"};
    return path.filename().string().starts_with('.') ||
           std::ranges::find(endings, lower_ending(path)) != endings.end() || path.filename() == "Thumbs.db";
}

// The images below a folder by path. Throws DataError for a file that is neither image nor companion.
std::vector<fs::path> images_below(const fs::path& folder) {
    std::vector<fs::path> found;
    std::error_code error;
    auto entry = fs::recursive_directory_iterator(folder, fs::directory_options::follow_directory_symlink, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        if (entry->is_directory(error)) continue;
        const fs::path& path = entry->path();
        if (is_image_name(path)) {
            found.push_back(path);
        } else if (!is_companion(path)) {
            throw DataError(fmt::format(
                "{}: is no image by its name (known are png, pgm, tif, jpg, cbf, img, smv, h5, nxs and cxi). "
                "Rename it or take it out of the folder.",
                path.string()));
        }
    }
    if (error)
        throw DataError(fmt::format("{}: cannot be listed ({}). Check its mode.", folder.string(), error.message()));
    std::ranges::sort(found);
    return found;
}

std::vector<fs::path> entries(const fs::path& folder) {
    std::vector<fs::path> found;
    std::error_code error;
    auto entry = fs::directory_iterator(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
        if (!entry->path().filename().string().starts_with('.')) found.push_back(entry->path());
    }
    if (error)
        throw DataError(fmt::format("{}: cannot be listed ({}). Check its mode.", folder.string(), error.message()));
    std::ranges::sort(found);
    return found;
}

struct Found {
    ImportItem item;
    fs::path root;  // the folder that names in a table start from
    std::string label;
    std::shared_ptr<const LabelNames> names;  // of item.labels; null without any
};

// Adds what is new, and gives the place of each name in `all`.
std::vector<std::size_t> merge(const std::vector<std::string>& names, std::vector<std::string>& all) {
    std::vector<std::size_t> places;
    for (const std::string& name : names) {
        const auto found = std::ranges::find(all, name);
        places.push_back(static_cast<std::size_t>(found - all.begin()));
        if (found == all.end()) all.push_back(name);
    }
    return places;
}

class Finder {
public:
    explicit Finder(const ImportOptions& options) : options_(options) {
        if (!options.label.empty() && !options.labels.empty()) {
            throw UsageError("--label and --labels together (an image has one label). Leave out one.");
        }
        std::error_code error;
        if (!options.labels.empty() && fs::is_regular_file(options.labels, error)) {
            table_ = read_label_csv(options.labels, options.class_column);
        } else if (!options.labels.empty()) {
            dataset_ = options.labels;
        }
    }

    void add(const fs::path& source) {
        std::error_code error;
        if (fs::is_directory(source, error)) {
            add_folder(source);
        } else if (fs::exists(source, error)) {
            add_file(source, source.parent_path(), "", std::nullopt);
        } else {
            add_pattern(source);
        }
    }

    ImportCatalogue finish() {
        if (found_.empty()) throw DataError("the sources hold no images. Name folders or files with images.");
        if (table_) apply(*table_, 0, found_.size());
        for (const Found& found : found_) {
            if (!found.label.empty()) continue;
            const auto without = std::ranges::count_if(found_, [](const Found& other) { return other.label.empty(); });
            throw DataError(
                fmt::format("{}: has no label (of {} images, {} have none). Give --labels, or --label for all.",
                            found.item.name(), found_.size(), without));
        }
        ImportCatalogue catalogue;
        catalogue.class_names = class_names();
        std::map<std::string, int, std::less<>> numbers;
        for (std::size_t i = 0; i < catalogue.class_names.size(); ++i) {
            if (!numbers.emplace(catalogue.class_names[i], static_cast<int>(i)).second) {
                throw UsageError(fmt::format("class \"{}\" is named twice. Name each once.", catalogue.class_names[i]));
            }
        }
        for (Found& found : found_) {
            const auto number = numbers.find(found.label);
            if (number == numbers.end()) {
                throw DataError(
                    fmt::format("{}: is of class \"{}\" (known are {}). Correct the label or add the class.",
                                found.item.name(), found.label, fmt::join(catalogue.class_names, ", ")));
            }
            found.item.class_index = number->second;
        }
        catalogue.labels = common_names();
        for (Found& found : found_) catalogue.items.push_back(std::move(found.item));
        return catalogue;
    }

private:
    void add_file(const fs::path& file, const fs::path& root, const std::string& label, std::optional<Split> split) {
        if (!may_be_stack(file) || !is_hdf5(file)) {
            found_.push_back(
                {{file, 0, false, -1, split, {}}, root, options_.label.empty() ? label : options_.label, nullptr});
            return;
        }
        const auto count = static_cast<std::uint64_t>(hdf5_image_count(file));
        std::optional<StackLabels> stack;
        if (label.empty() && options_.label.empty() && !table_) {
            stack = stack_labels(file, count, dataset_, options_.class_column);
        }
        const auto names = stack ? std::make_shared<const LabelNames>(stack->names) : nullptr;
        for (std::uint64_t i = 0; i < count; ++i) {
            Found found{{file, static_cast<std::int64_t>(i), true, -1, split, {}},
                        root,
                        options_.label.empty() ? label : options_.label,
                        nullptr};
            if (stack) {
                found.label = stack->labels[i];
                found.item.labels = stack->further[i];
                found.names = names;
                if (!stack->splits.empty()) found.item.split = stack->splits[i];
            }
            found_.push_back(std::move(found));
        }
        if (stack) {
            for (const std::string& name : stack->class_names) {
                if (std::ranges::find(declared_names_, name) == declared_names_.end()) declared_names_.push_back(name);
            }
        }
    }

    void add_pattern(const fs::path& source) {
        if (source.string().find_first_of("*?[") == std::string::npos) {
            throw DataError(fmt::format("{}: no such file or folder. Check the path.", source.string()));
        }
        glob_t matches{};
        const int status = ::glob(source.c_str(), 0, nullptr, &matches);
        std::vector<fs::path> files;
        for (std::size_t i = 0; status == 0 && i < matches.gl_pathc; ++i) files.emplace_back(matches.gl_pathv[i]);
        ::globfree(&matches);
        if (files.empty()) throw DataError(fmt::format("{}: matches no file. Check the pattern.", source.string()));
        for (const fs::path& file : files) add(file);
    }

    void add_folder(const fs::path& folder) {
        const std::size_t begin = found_.size();
        std::error_code error;
        const bool own_labels = !table_ && options_.label.empty();
        const bool csv = own_labels && fs::exists(folder / csv_name, error) && has_label_header(folder / csv_name);
        const bool hollatz = own_labels && !csv && fs::exists(folder / hollatz_name, error);
        if (!own_labels || csv || hollatz) {
            for (const fs::path& image : images_below(folder)) add_file(image, folder, "", std::nullopt);
            if (csv) apply(read_label_csv(folder / csv_name, options_.class_column), begin, found_.size());
            if (hollatz) apply(read_multiclasses(folder / hollatz_name, options_.class_column), begin, found_.size());
            return;
        }
        std::vector<fs::path> folders;
        for (const fs::path& entry : entries(folder)) {
            if (fs::is_directory(entry, error)) {
                folders.push_back(entry);
            } else if (!is_companion(entry)) {
                throw DataError(
                    fmt::format("{}: lies outside the folders of the classes (a folder per class, or a table {} or {}, "
                                "says what an image is). Move it, or give --labels or --label.",
                                entry.string(), csv_name, hollatz_name));
            }
        }
        const auto is_split = [](const fs::path& path) { return split_named(path.filename().string()).has_value(); };
        if (std::ranges::none_of(folders, is_split)) {
            add_classes(folder, folders, std::nullopt);
            return;
        }
        for (const fs::path& sub : folders) {
            if (!is_split(sub)) {
                throw DataError(
                    fmt::format("{}: lies beside folders of splits and is none (known are train, validation "
                                "and test). Move it.",
                                sub.string()));
            }
            std::vector<fs::path> classes;
            for (const fs::path& entry : entries(sub)) {
                if (fs::is_directory(entry, error)) {
                    classes.push_back(entry);
                } else if (!is_companion(entry)) {
                    throw DataError(fmt::format("{}: lies in a split and in no class. Move it into its class' folder.",
                                                entry.string()));
                }
            }
            add_classes(folder, classes, split_named(sub.filename().string()));
        }
    }

    void add_classes(const fs::path& root, const std::vector<fs::path>& folders, std::optional<Split> split) {
        for (const fs::path& folder : folders) {
            const auto images = images_below(folder);
            if (images.empty()) {
                throw DataError(
                    fmt::format("{}: holds no images (a folder is a class). Remove it or fill it.", folder.string()));
            }
            for (const fs::path& image : images) add_file(image, root, folder.filename().string(), split);
        }
    }

    // Gives the images found from `begin` to `end` the labels and the order of the table.
    void apply(const LabelTable& table, std::size_t begin, std::size_t end) {
        constexpr std::size_t several = ~std::size_t{0};
        std::unordered_map<std::string, std::size_t> places;
        const auto name = [&](const std::string& key, std::size_t place) {
            const auto [at, fresh] = places.emplace(key, place);
            if (!fresh && at->second != place) at->second = several;
        };
        std::string only_stack = found_[begin].item.file.string();
        for (std::size_t i = begin; i < end; ++i) {
            if (!found_[i].item.in_stack || found_[i].item.file != only_stack) only_stack.clear();
        }
        for (std::size_t i = begin; i < end; ++i) {
            const ImportItem& item = found_[i].item;
            const std::string number = item.in_stack ? fmt::format("#{}", item.index) : "";
            name(item.file.string() + number, i);
            name(item.file.lexically_relative(found_[i].root).string() + number, i);
            name(item.file.lexically_relative(table.file.parent_path()).string() + number, i);
            name(item.file.filename().string() + number, i);
            if (!only_stack.empty()) name(std::to_string(item.index), i);
        }
        std::vector<std::size_t> labelled_by(end - begin, 0);
        std::vector<std::size_t> order;
        const auto names = std::make_shared<const LabelNames>(table.names);
        for (const LabelRow& row : table.rows) {
            const auto place = places.find(row.key);
            if (place == places.end() || place->second == several) {
                throw DataError(
                    fmt::format("{}:{}: \"{}\" {}.", table.file.string(), row.line, row.key,
                                place == places.end()
                                    ? "is no image of the sources (the label has no file). Correct the name or remove "
                                      "the line"
                                    : "is the name of several images. Write the path from the folder on"));
            }
            Found& found = found_[place->second];
            std::size_t& labelled = labelled_by[place->second - begin];
            if (labelled != 0) {
                throw DataError(fmt::format("{}:{}: a second label for \"{}\" (the first is in line {}). Remove one.",
                                            table.file.string(), row.line, row.key, labelled));
            }
            labelled = row.line;
            found.label = row.label;
            found.item.labels = row.labels;
            found.names = names;
            if (row.split) found.item.split = row.split;
            order.push_back(place->second);
        }
        const auto without = std::ranges::find(labelled_by, std::size_t{0});
        if (without != labelled_by.end()) {
            throw DataError(
                fmt::format("{}: has no label in {} ({} images have none). Add a line for it.",
                            found_[begin + static_cast<std::size_t>(without - labelled_by.begin())].item.name(),
                            table.file.string(), std::ranges::count(labelled_by, std::size_t{0})));
        }
        std::vector<Found> ordered;
        for (const std::size_t place : order) ordered.push_back(std::move(found_[place]));
        std::ranges::move(ordered, found_.begin() + static_cast<std::ptrdiff_t>(begin));
        for (const std::string& declared : table.class_names) {
            if (std::ranges::find(declared_names_, declared) == declared_names_.end())
                declared_names_.push_back(declared);
        }
    }

    // The names of all sources; each image's labels are brought into their order. A grade that not all have is left
    // out: there is no unknown one.
    LabelNames common_names() {
        LabelNames all;
        all.graded = std::ranges::all_of(found_, [](const Found& found) { return found.names && found.names->graded; });
        for (const Found& found : found_) {
            if (!found.names) continue;
            merge(found.names->attributes, all.attributes);
            const auto places = merge(found.names->values, all.values);
            all.value_units.resize(all.values.size());
            for (std::size_t i = 0; i < places.size(); ++i) all.value_units[places[i]] = found.names->value_units[i];
        }
        for (Found& found : found_) {
            ImageLabels labels{std::vector<std::uint8_t>(all.attributes.size(), ImageLabels::unknown),
                               std::vector<float>(all.values.size(), std::numeric_limits<float>::quiet_NaN()),
                               all.graded ? found.item.labels.grade : Grade::miss};
            if (found.names) {
                const auto attributes = merge(found.names->attributes, all.attributes);
                for (std::size_t i = 0; i < attributes.size(); ++i) {
                    labels.attributes[attributes[i]] = found.item.labels.attributes[i];
                }
                const auto values = merge(found.names->values, all.values);
                for (std::size_t i = 0; i < values.size(); ++i) labels.values[values[i]] = found.item.labels.values[i];
            }
            found.item.labels = std::move(labels);
        }
        return all;
    }

    [[nodiscard]] std::vector<std::string> class_names() const {
        if (!options_.classes.empty()) return options_.classes;
        std::vector<std::string> names = declared_names_;
        std::vector<std::string> others;
        for (const Found& found : found_) {
            if (std::ranges::find(names, found.label) == names.end()) others.push_back(found.label);
        }
        std::ranges::sort(others);
        others.erase(std::ranges::unique(others).begin(), others.end());
        names.insert(names.end(), others.begin(), others.end());
        return names;
    }

    const ImportOptions& options_;
    std::optional<LabelTable> table_;
    std::string dataset_;
    std::vector<Found> found_;
    std::vector<std::string> declared_names_;
};

}  // namespace

std::string ImportItem::name() const { return in_stack ? fmt::format("{}#{}", file.string(), index) : file.string(); }

ImportCatalogue find_images(const std::vector<fs::path>& sources, const ImportOptions& options) {
    Finder finder(options);
    for (const fs::path& source : sources) finder.add(source);
    return finder.finish();
}

}  // namespace braggbench
