#include "datasets/hdf5.hpp"

#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <mutex>

#include "simulator/error.hpp"

namespace braggbench::hdf5 {
namespace {

std::recursive_mutex& library_mutex() {
    static std::recursive_mutex mutex;
    return mutex;
}

class Lock {
public:
    Lock() : lock_(library_mutex()) {
        // A thread-safe build keeps one error stack, and its printing, per thread.
        thread_local const herr_t silenced = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
        (void)silenced;
    }

private:
    std::lock_guard<std::recursive_mutex> lock_;
};

// The innermost entry of HDF5's error stack; call it before anything else clears the stack.
std::string reason() {
    std::string text;
    H5Ewalk2(
        H5E_DEFAULT, H5E_WALK_UPWARD,
        [](unsigned n, const H5E_error2_t* error, void* data) -> herr_t {
            if (n == 0 && error->desc != nullptr) *static_cast<std::string*>(data) = error->desc;
            return 0;
        },
        &text);
    return text.empty() ? "HDF5 gives no reason" : text;
}

std::string file_name(std::int64_t id) {
    std::array<char, 4096> name{};
    return H5Fget_name(id, name.data(), name.size()) > 0 ? std::string(name.data()) : std::string("HDF5 file");
}

std::string object_path(std::int64_t parent, const std::string& path) {
    if (path.starts_with('/')) return path;
    std::array<char, 4096> name{};
    std::string text = H5Iget_name(parent, name.data(), name.size()) > 0 ? std::string(name.data()) : std::string();
    if (path.empty()) return text;
    if (!text.ends_with('/')) text += '/';
    return text + path;
}

[[noreturn]] void fail(std::int64_t parent, const std::string& path, std::string_view action) {
    const std::string why = reason();
    throw DataError(fmt::format("{}: cannot {} {} ({}).", file_name(parent), action, object_path(parent, path), why));
}

Handle check(hid_t id, std::int64_t parent, const std::string& path, std::string_view action) {
    if (id < 0) fail(parent, path, action);
    return Handle(id);
}

// For calls that only fail when memory runs out or the library is misused.
Handle internal(hid_t id) {
    if (id < 0) throw std::runtime_error("HDF5: " + reason());
    return Handle(id);
}

hid_t native(Number type) {
    switch (type) {
        case Number::i8:
            return H5T_NATIVE_INT8;
        case Number::u8:
            return H5T_NATIVE_UINT8;
        case Number::i16:
            return H5T_NATIVE_INT16;
        case Number::u16:
            return H5T_NATIVE_UINT16;
        case Number::i32:
            return H5T_NATIVE_INT32;
        case Number::u32:
            return H5T_NATIVE_UINT32;
        case Number::i64:
            return H5T_NATIVE_INT64;
        case Number::u64:
            return H5T_NATIVE_UINT64;
        case Number::f32:
            return H5T_NATIVE_FLOAT;
        case Number::f64:
            return H5T_NATIVE_DOUBLE;
    }
    throw std::logic_error("hdf5::Number out of range");
}

std::vector<hsize_t> sizes(const Shape& shape) {
    std::vector<hsize_t> result;
    for (const std::uint64_t extent : shape) result.push_back(extent == unlimited ? H5S_UNLIMITED : extent);
    return result;
}

Handle make_space(const Shape& shape) {
    if (shape.empty()) return internal(H5Screate(H5S_SCALAR));
    return internal(H5Screate_simple(static_cast<int>(shape.size()), sizes(shape).data(), nullptr));
}

// Fixed length: variable-length text lives in HDF5's global heap, which costs a read more and pads with leftovers.
Handle text_type(std::size_t bytes) {
    Handle type = internal(H5Tcopy(H5T_C_S1));
    H5Tset_size(type.id(), std::max<std::size_t>(bytes, 1));
    H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
    H5Tset_cset(type.id(), H5T_CSET_UTF8);
    return type;
}

Handle creation_properties(hid_t cls) {
    Handle properties = internal(H5Pcreate(cls));
    if (H5Pset_obj_track_times(properties.id(), false) < 0) throw std::runtime_error("HDF5: " + reason());
    return properties;
}

void write_attribute(const Handle& object, const std::string& name, hid_t type, const Shape& shape, const void* data) {
    const Handle space = make_space(shape);
    const Handle attribute = check(H5Acreate2(object.id(), name.c_str(), type, space.id(), H5P_DEFAULT, H5P_DEFAULT),
                                   object.id(), "@" + name, "create");
    if (H5Awrite(attribute.id(), type, data) < 0) fail(object.id(), "@" + name, "write");
}

std::string trimmed(const char* text, std::size_t capacity) { return {text, std::find(text, text + capacity, '\0')}; }

// Text of an attribute or a dataset, whose reading differs only in the call.
template <class Read>
std::vector<std::string> read_texts(hid_t stored_type, hid_t space, Read&& read) {
    const auto count = static_cast<std::size_t>(std::max<hssize_t>(H5Sget_simple_extent_npoints(space), 0));
    std::vector<std::string> texts;
    if (H5Tis_variable_str(stored_type) > 0) {
        const Handle type = internal(H5Tcopy(H5T_C_S1));
        H5Tset_size(type.id(), H5T_VARIABLE);
        H5Tset_cset(type.id(), H5Tget_cset(stored_type));
        std::vector<char*> pointers(count, nullptr);
        if (!read(type.id(), pointers.data())) return {};
        for (const char* text : pointers) texts.emplace_back(text == nullptr ? "" : text);
        H5Dvlen_reclaim(type.id(), space, H5P_DEFAULT, pointers.data());
    } else {
        const std::size_t bytes = H5Tget_size(stored_type);
        std::vector<char> buffer(bytes * count, '\0');
        if (!read(stored_type, buffer.data())) return {};
        for (std::size_t i = 0; i < count; ++i) texts.push_back(trimmed(buffer.data() + i * bytes, bytes));
    }
    return texts;
}

}  // namespace

void Handle::close() noexcept {
    if (id_ < 0) return;
    const Lock lock;
    H5Idec_ref(std::exchange(id_, -1));
}

bool has_signature(const std::filesystem::path& path) {
    constexpr std::array<char, 8> signature = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
    std::ifstream file(path, std::ios::binary);
    // A user block is 0, 512, 1024, 2048, ... bytes (HDF5 file format specification, section II.A).
    for (std::streamoff offset = 0; file; offset = offset == 0 ? 512 : offset * 2) {
        std::array<char, 8> bytes{};
        file.seekg(offset);
        if (!file.read(bytes.data(), bytes.size())) return false;
        if (bytes == signature) return true;
    }
    return false;
}

Handle create_file(const std::filesystem::path& path, Format format) {
    const Lock lock;
    const Handle creation = creation_properties(H5P_FILE_CREATE);
    const Handle access = internal(H5Pcreate(H5P_FILE_ACCESS));
    H5Pset_libver_bounds(access.id(), H5F_LIBVER_V18, format == Format::v1_8 ? H5F_LIBVER_V18 : H5F_LIBVER_V110);
    const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), access.id());
    if (file < 0) throw DataError(fmt::format("{}: cannot be created ({}).", path.string(), reason()));
    return Handle(file);
}

Handle open_file(const std::filesystem::path& path) {
    std::error_code error;
    if (!std::filesystem::exists(path, error)) {
        throw DataError(fmt::format("{}: no such file. Check the path.", path.string()));
    }
    if (std::filesystem::is_directory(path, error)) {
        throw DataError(fmt::format("{}: is a folder. Name an HDF5 file in it.", path.string()));
    }
    if (!std::ifstream(path, std::ios::binary)) {
        throw DataError(fmt::format("{}: cannot be read (no permission). Check its mode.", path.string()));
    }
    if (!has_signature(path)) {
        throw DataError(
            fmt::format("{}: not an HDF5 file (no HDF5 signature). Name an .h5, .nxs or .cxi file.", path.string()));
    }
    const Lock lock;
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0) {
        throw DataError(
            fmt::format("{}: damaged or incomplete HDF5 file ({}). Copy or make it again.", path.string(), reason()));
    }
    return Handle(file);
}

void flush(const Handle& file) {
    const Lock lock;
    if (H5Fflush(file.id(), H5F_SCOPE_GLOBAL) < 0) fail(file.id(), "/", "flush");
}

Handle create_group(const Handle& parent, const std::string& name, std::string_view nx_class) {
    const Lock lock;
    const Handle creation = creation_properties(H5P_GROUP_CREATE);
    Handle group = check(H5Gcreate2(parent.id(), name.c_str(), H5P_DEFAULT, creation.id(), H5P_DEFAULT), parent.id(),
                         name, "create");
    set_attribute(group, "NX_class", nx_class);
    return group;
}

void link_soft(const Handle& parent, const std::string& name, const std::string& target) {
    const Lock lock;
    if (H5Lcreate_soft(target.c_str(), parent.id(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT) < 0) {
        fail(parent.id(), name, "link");
    }
}

void set_attribute(const Handle& object, const std::string& name, std::string_view text) {
    const Lock lock;
    const Handle type = text_type(text.size());
    const std::string terminated(text);
    write_attribute(object, name, type.id(), {}, terminated.c_str());
}

void set_attribute(const Handle& object, const std::string& name, const std::vector<std::string>& texts) {
    const Lock lock;
    std::size_t bytes = 1;
    for (const std::string& text : texts) bytes = std::max(bytes, text.size());
    std::vector<char> table(bytes * std::max<std::size_t>(texts.size(), 1), '\0');
    for (std::size_t i = 0; i < texts.size(); ++i) {
        std::copy(texts[i].begin(), texts[i].end(), table.begin() + static_cast<std::ptrdiff_t>(i * bytes));
    }
    write_attribute(object, name, text_type(bytes).id(), {texts.size()}, table.data());
}

void set_attribute(const Handle& object, const std::string& name, std::span<const double> values) {
    const Lock lock;
    write_attribute(object, name, H5T_NATIVE_DOUBLE, {values.size()}, values.data());
}

void set_attribute(const Handle& object, const std::string& name, std::int32_t value) {
    const Lock lock;
    write_attribute(object, name, H5T_NATIVE_INT32, {}, &value);
}

Handle write_values(const Handle& parent, const std::string& name, Number type, const void* values,
                    const Shape& shape) {
    const Lock lock;
    const Handle space = make_space(shape);
    const Handle creation = creation_properties(H5P_DATASET_CREATE);
    Handle dataset =
        check(H5Dcreate2(parent.id(), name.c_str(), native(type), space.id(), H5P_DEFAULT, creation.id(), H5P_DEFAULT),
              parent.id(), name, "create");
    if (H5Dwrite(dataset.id(), native(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) {
        fail(parent.id(), name, "write");
    }
    return dataset;
}

Handle write_text(const Handle& parent, const std::string& name, std::string_view text) {
    const Lock lock;
    const Handle space = make_space({});
    const Handle type = text_type(text.size());
    const Handle creation = creation_properties(H5P_DATASET_CREATE);
    Handle dataset =
        check(H5Dcreate2(parent.id(), name.c_str(), type.id(), space.id(), H5P_DEFAULT, creation.id(), H5P_DEFAULT),
              parent.id(), name, "create");
    const std::string terminated(text);
    if (H5Dwrite(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, terminated.c_str()) < 0) {
        fail(parent.id(), name, "write");
    }
    return dataset;
}

Handle create_chunked(const Handle& parent, const std::string& name, Number type, const Shape& shape,
                      const Shape& max_shape, const Shape& chunk) {
    const Lock lock;
    const int rank = static_cast<int>(shape.size());
    const Handle space = internal(H5Screate_simple(rank, sizes(shape).data(), sizes(max_shape).data()));
    const Handle creation = creation_properties(H5P_DATASET_CREATE);
    if (H5Pset_chunk(creation.id(), rank, sizes(chunk).data()) < 0 || H5Pset_shuffle(creation.id()) < 0 ||
        H5Pset_deflate(creation.id(), 1) < 0) {
        fail(parent.id(), name, "lay out");
    }
    return check(
        H5Dcreate2(parent.id(), name.c_str(), native(type), space.id(), H5P_DEFAULT, creation.id(), H5P_DEFAULT),
        parent.id(), name, "create");
}

Handle create_virtual(const Handle& parent, const std::string& name, Number type, const Shape& shape,
                      const std::vector<VirtualSource>& sources) {
    const Lock lock;
    const Handle space = make_space(shape);
    const Handle creation = creation_properties(H5P_DATASET_CREATE);
    for (const VirtualSource& source : sources) {
        Shape count = shape;
        count.front() = source.end - source.first;
        Shape start(shape.size(), 0);
        start.front() = source.first;
        const Handle there = make_space(count);
        if (H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, sizes(start).data(), nullptr, sizes(count).data(),
                                nullptr) < 0 ||
            H5Pset_virtual(creation.id(), space.id(), source.file.c_str(), source.dataset.c_str(), there.id()) < 0) {
            fail(parent.id(), name, "lay out");
        }
    }
    H5Sselect_all(space.id());
    return check(
        H5Dcreate2(parent.id(), name.c_str(), native(type), space.id(), H5P_DEFAULT, creation.id(), H5P_DEFAULT),
        parent.id(), name, "create");
}

std::vector<VirtualSource> virtual_sources(const Handle& dataset) {
    const Lock lock;
    const Handle creation = check(H5Dget_create_plist(dataset.id()), dataset.id(), "", "inspect");
    if (H5Pget_layout(creation.id()) != H5D_VIRTUAL) return {};
    const int rank = static_cast<int>(dataset_info(dataset).shape.size());
    std::size_t count = 0;
    if (H5Pget_virtual_count(creation.id(), &count) < 0) fail(dataset.id(), "", "inspect");
    std::vector<VirtualSource> sources;
    for (std::size_t i = 0; i < count; ++i) {
        std::array<char, 4096> file{};
        std::array<char, 4096> path{};
        const Handle space = internal(H5Pget_virtual_vspace(creation.id(), i));
        std::vector<hsize_t> low(static_cast<std::size_t>(rank));
        std::vector<hsize_t> high(static_cast<std::size_t>(rank));
        if (H5Pget_virtual_filename(creation.id(), i, file.data(), file.size()) < 0 ||
            H5Pget_virtual_dsetname(creation.id(), i, path.data(), path.size()) < 0 || rank == 0 ||
            H5Sget_select_bounds(space.id(), low.data(), high.data()) < 0) {
            fail(dataset.id(), "", "inspect");
        }
        sources.push_back({file.data(), path.data(), low.front(), high.front() + 1});
    }
    return sources;
}

void require_sources(const Handle& dataset) {
    const Lock lock;
    const std::filesystem::path folder = std::filesystem::path(file_name(dataset.id())).parent_path();
    for (const VirtualSource& source : virtual_sources(dataset)) {
        // "." is the file itself, and %b the number of a block in a series without end.
        if (source.file == "." || source.file.find("%b") != std::string::npos) continue;
        std::error_code error;
        if (std::filesystem::is_regular_file(folder / source.file, error)) continue;
        throw DataError(
            fmt::format("{}: is virtual, and its images {} to {} are missing (there is no file {}). "
                        "Put that file back.",
                        describe(dataset), source.first, source.end - 1, (folder / source.file).string()));
    }
}

void extend(const Handle& dataset, const Shape& shape) {
    const Lock lock;
    if (H5Dset_extent(dataset.id(), sizes(shape).data()) < 0) fail(dataset.id(), "", "extend");
}

void write_chunk(const Handle& dataset, const Shape& offset, std::span<const std::uint8_t> encoded) {
    const Lock lock;
    if (H5Dwrite_chunk(dataset.id(), H5P_DEFAULT, 0, sizes(offset).data(), encoded.size(), encoded.data()) < 0) {
        fail(dataset.id(), "", "write a chunk of");
    }
}

bool exists(const Handle& parent, const std::string& path) {
    const Lock lock;
    if (path == "/") return true;
    // H5Lexists() fails on a path whose middle is missing, so that each part is asked for.
    for (std::size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
        if (H5Lexists(parent.id(), path.substr(0, end).c_str(), H5P_DEFAULT) <= 0) return false;
    }
    return H5Lexists(parent.id(), path.c_str(), H5P_DEFAULT) > 0 &&
           H5Oexists_by_name(parent.id(), path.c_str(), H5P_DEFAULT) > 0;
}

namespace {
H5I_type_t kind(const Handle& parent, const std::string& path) {
    const Lock lock;
    if (!exists(parent, path)) return H5I_BADID;
    const hid_t id = H5Oopen(parent.id(), path.c_str(), H5P_DEFAULT);
    if (id < 0) return H5I_BADID;
    const Handle object(id);
    return H5Iget_type(id);
}
}  // namespace

bool is_group(const Handle& parent, const std::string& path) { return kind(parent, path) == H5I_GROUP; }

bool is_dataset(const Handle& parent, const std::string& path) { return kind(parent, path) == H5I_DATASET; }

std::vector<std::string> children(const Handle& parent, const std::string& path) {
    const Lock lock;
    const Handle group = open(parent, path);
    std::vector<std::string> names;
    hsize_t position = 0;
    const herr_t status = H5Literate(
        group.id(), H5_INDEX_NAME, H5_ITER_INC, &position,
        [](hid_t, const char* name, const H5L_info_t*, void* data) -> herr_t {
            static_cast<std::vector<std::string>*>(data)->emplace_back(name);
            return 0;
        },
        &names);
    if (status < 0) fail(parent.id(), path, "list");
    return names;
}

std::vector<std::string> all_datasets(const Handle& file) {
    const Lock lock;
    std::vector<std::string> paths;
    const herr_t status = H5Ovisit2(
        file.id(), H5_INDEX_NAME, H5_ITER_INC,
        [](hid_t, const char* name, const H5O_info_t* info, void* data) -> herr_t {
            if (info->type == H5O_TYPE_DATASET) {
                static_cast<std::vector<std::string>*>(data)->push_back(std::string("/") + name);
            }
            return 0;
        },
        &paths, H5O_INFO_BASIC);
    if (status < 0) fail(file.id(), "/", "list");
    return paths;
}

std::vector<std::string> all_objects(const Handle& file) {
    const Lock lock;
    std::vector<std::string> paths;
    const herr_t status = H5Ovisit2(
        file.id(), H5_INDEX_NAME, H5_ITER_INC,
        [](hid_t, const char* name, const H5O_info_t* info, void* data) -> herr_t {
            if (info->type == H5O_TYPE_DATASET || info->type == H5O_TYPE_GROUP) {
                const std::string_view path(name);
                static_cast<std::vector<std::string>*>(data)->push_back(path == "." ? "/" : "/" + std::string(path));
            }
            return 0;
        },
        &paths, H5O_INFO_BASIC);
    if (status < 0) fail(file.id(), "/", "list");
    return paths;
}

std::vector<std::string> attribute_names(const Handle& object) {
    const Lock lock;
    std::vector<std::string> names;
    hsize_t position = 0;
    const herr_t status = H5Aiterate2(
        object.id(), H5_INDEX_NAME, H5_ITER_INC, &position,
        [](hid_t, const char* name, const H5A_info_t*, void* data) -> herr_t {
            static_cast<std::vector<std::string>*>(data)->emplace_back(name);
            return 0;
        },
        &names);
    if (status < 0) fail(object.id(), "", "list the attributes of");
    return names;
}

Handle open(const Handle& parent, const std::string& path) {
    const Lock lock;
    return check(H5Oopen(parent.id(), path.c_str(), H5P_DEFAULT), parent.id(), path, "open");
}

std::vector<std::string> texts_attribute(const Handle& object, const std::string& name) {
    const Lock lock;
    if (H5Aexists(object.id(), name.c_str()) <= 0) return {};
    const Handle attribute = check(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT), object.id(), "@" + name, "open");
    const Handle type = internal(H5Aget_type(attribute.id()));
    if (H5Tget_class(type.id()) != H5T_STRING) return {};
    const Handle space = internal(H5Aget_space(attribute.id()));
    return read_texts(type.id(), space.id(),
                      [&](hid_t memory, void* data) { return H5Aread(attribute.id(), memory, data) >= 0; });
}

std::optional<std::string> text_attribute(const Handle& object, const std::string& name) {
    std::vector<std::string> texts = texts_attribute(object, name);
    if (texts.empty()) return std::nullopt;
    return texts.front();
}

std::vector<double> numbers_attribute(const Handle& object, const std::string& name) {
    const Lock lock;
    if (H5Aexists(object.id(), name.c_str()) <= 0) return {};
    const Handle attribute = check(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT), object.id(), "@" + name, "open");
    if (H5Tget_class(internal(H5Aget_type(attribute.id())).id()) == H5T_STRING) return {};
    const Handle space = internal(H5Aget_space(attribute.id()));
    std::vector<double> values(
        static_cast<std::size_t>(std::max<hssize_t>(H5Sget_simple_extent_npoints(space.id()), 0)));
    if (H5Aread(attribute.id(), H5T_NATIVE_DOUBLE, values.data()) < 0) fail(object.id(), "@" + name, "read");
    return values;
}

DatasetInfo dataset_info(const Handle& dataset) {
    const Lock lock;
    if (H5Iget_type(dataset.id()) != H5I_DATASET) {
        throw DataError(describe(dataset) + " is not a dataset. The file is not laid out as expected.");
    }
    DatasetInfo info;
    const Handle space = check(H5Dget_space(dataset.id()), dataset.id(), "", "inspect");
    const Handle type = check(H5Dget_type(dataset.id()), dataset.id(), "", "inspect");
    const Handle creation = check(H5Dget_create_plist(dataset.id()), dataset.id(), "", "inspect");
    const int rank = std::max(H5Sget_simple_extent_ndims(space.id()), 0);
    std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
    H5Sget_simple_extent_dims(space.id(), extents.data(), nullptr);
    info.shape.assign(extents.begin(), extents.end());
    if (H5Pget_layout(creation.id()) == H5D_CHUNKED) {
        H5Pget_chunk(creation.id(), rank, extents.data());
        info.chunk.assign(extents.begin(), extents.end());
    }
    const H5T_class_t cls = H5Tget_class(type.id());
    info.integer = cls == H5T_INTEGER;
    info.text = cls == H5T_STRING;
    info.floating = cls == H5T_FLOAT;
    info.is_signed = info.integer && H5Tget_sign(type.id()) == H5T_SGN_2;
    info.element_bytes = H5Tget_size(type.id());
    info.little_endian = H5Tget_order(type.id()) == H5T_ORDER_LE;
    const int filters = H5Pget_nfilters(creation.id());
    for (int i = 0; i < filters; ++i) {
        unsigned flags = 0;
        std::size_t values = 0;
        unsigned config = 0;
        info.filters.push_back(
            H5Pget_filter2(creation.id(), static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, &config));
    }
    return info;
}

std::vector<std::string> read_texts(const Handle& parent, const std::string& path) {
    const Lock lock;
    const Handle dataset = open(parent, path);
    if (H5Iget_type(dataset.id()) != H5I_DATASET) throw DataError(describe(parent, path) + " is not text.");
    const Handle type = check(H5Dget_type(dataset.id()), parent.id(), path, "inspect");
    if (H5Tget_class(type.id()) != H5T_STRING) throw DataError(describe(parent, path) + " is not text.");
    const Handle space = check(H5Dget_space(dataset.id()), parent.id(), path, "inspect");
    return read_texts(type.id(), space.id(), [&](hid_t memory, void* data) {
        return H5Dread(dataset.id(), memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
    });
}

std::string read_text(const Handle& parent, const std::string& path) {
    const Lock lock;
    const std::vector<std::string> texts = read_texts(parent, path);
    if (texts.empty()) fail(parent.id(), path, "read");
    return texts.front();
}

namespace {
template <class T>
T read_first(const Handle& parent, const std::string& path) {
    const Lock lock;
    const Handle dataset = open(parent, path);
    const DatasetInfo info = dataset_info(dataset);
    if (std::find(info.shape.begin(), info.shape.end(), 0U) != info.shape.end()) {
        throw DataError(describe(parent, path) + " is empty.");
    }
    T value{};
    read_block(dataset, Shape(info.shape.size(), 0), Shape(info.shape.size(), 1), number_of<T>(), &value);
    return value;
}
}  // namespace

double read_double(const Handle& parent, const std::string& path) { return read_first<double>(parent, path); }

std::uint64_t read_u64(const Handle& parent, const std::string& path) {
    return read_first<std::uint64_t>(parent, path);
}

void read_block(const Handle& dataset, const Shape& start, const Shape& count, Number type, void* values) {
    const Lock lock;
    const Handle space = check(H5Dget_space(dataset.id()), dataset.id(), "", "inspect");
    const Handle memory = make_space(count);
    if (!count.empty() && H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, sizes(start).data(), nullptr,
                                              sizes(count).data(), nullptr) < 0) {
        fail(dataset.id(), "", "select from");
    }
    if (H5Dread(dataset.id(), native(type), memory.id(), space.id(), H5P_DEFAULT, values) < 0) {
        fail(dataset.id(), "", "read");
    }
}

std::optional<std::vector<std::uint8_t>> read_chunk(const Handle& dataset, const Shape& offset) {
    const Lock lock;
    hsize_t bytes = 0;
    if (H5Dget_chunk_storage_size(dataset.id(), sizes(offset).data(), &bytes) < 0 || bytes == 0) return std::nullopt;
    std::vector<std::uint8_t> encoded(bytes);
    std::uint32_t skipped_filters = 0;
    if (H5Dread_chunk(dataset.id(), H5P_DEFAULT, sizes(offset).data(), &skipped_filters, encoded.data()) < 0) {
        fail(dataset.id(), "", "read a chunk of");
    }
    if (skipped_filters != 0) return std::nullopt;
    return encoded;
}

std::uint64_t stored_chunk_bytes(const Handle& dataset, const Shape& offset) {
    const Lock lock;
    hsize_t bytes = 0;
    return H5Dget_chunk_storage_size(dataset.id(), sizes(offset).data(), &bytes) < 0 ? 0 : bytes;
}

std::vector<int> missing_filters(const DatasetInfo& info) {
    const Lock lock;
    std::vector<int> missing;
    for (const int filter : info.filters) {
        if (H5Zfilter_avail(filter) <= 0) missing.push_back(filter);
    }
    return missing;
}

std::string describe(const Handle& parent, const std::string& path) {
    const Lock lock;
    return file_name(parent.id()) + ": " + object_path(parent.id(), path);
}

void check_shape(const Handle& dataset, const Shape& expected) {
    const DatasetInfo info = dataset_info(dataset);
    if (info.shape != expected) {
        throw DataError(fmt::format("{} has shape [{}], not [{}]. The file is not laid out as expected.",
                                    describe(dataset), fmt::join(info.shape, ", "), fmt::join(expected, ", ")));
    }
}

}  // namespace braggbench::hdf5
